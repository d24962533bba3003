"""All settings of a run, with default, meaning and allowed values."""

from dataclasses import dataclass, field


def _setting(default, group: str, text: str, choices=(), least: float | None = None, most: float | None = None):
    """A field; choices, least and most are what `settings.validated` checks."""
    metadata = {"group": group, "help": text, "choices": choices, "least": least, "most": most}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Recipe:
    """All settings of a run. The defaults are for timm models without their own recipe (see default.py).

    The value "auto" means: chosen by the target and metric of the competition (see resolved.py).
    """

    name: str = _setting("", "model", "name of the recipe; set by `get`")
    model: str = _setting("", "model", "timm model, if needed with the tag of its weights")
    pretrained: bool = _setting(True, "model", "start from the hub's weights, or inputs/weights/<model>.safetensors")
    head: str = _setting("auto", "model", "auto, classes, attributes, regression, cumulative, or bins: see heads.py",
                         choices=("auto", "classes", "attributes", "regression", "cumulative", "bins"))
    bins: int = _setting(20, "model", "head=bins of a number: number of points in the range of the target", least=2)
    bin_edges: str = _setting("", "model", "head=bins of classes that are ranges: where the bins start: 20,25,30,35")
    drop_rate: float = _setting(0.0, "model", "dropout before the head", least=0, most=1)
    drop_path_rate: float = _setting(0.0, "model", "stochastic depth", least=0, most=1)
    freeze_epochs: int = _setting(0, "model", "how many first epochs train only a part of the model", least=0)
    freeze_stages: int = _setting(0, "model", "first stages, stem included, that are frozen then; 0: all but the head",
                                  least=0)

    image_size: int = _setting(224, "image", "side of the square input of the model, pixels", least=8)
    crop: int = _setting(0, "image", "side of the centre crop before the resize, pixels; 0: whole photo", least=0)
    fit: str = _setting("squash", "image", "how a photo becomes a square: squash, crop (centre), or pad",
                        choices=("squash", "crop", "pad"))
    mean: tuple = _setting((), "image", "mean of red, green, blue, in 0 … 1; empty: as the weights were trained")
    std: tuple = _setting((), "image", "standard deviation of red, green, blue, like mean")
    augment: str = _setting("upright", "image", "training augmentation, a name in comp/data/augment.py")

    loss: str = _setting("auto", "loss", "auto, a loss (cross_entropy, focal, bce, mse, …), or a sum: '0.4 f1 + focal'")
    smoothing: float = _setting(0.1, "loss", "label smoothing, for losses of classes and labels", least=0, most=1)
    class_weights: str = _setting("none", "loss", "none, or balanced (N / (C n_c); labels: negatives / positives)",
                                  choices=("none", "balanced"))
    gamma: float = _setting(2.0, "loss", "focusing of the loss `focal`", least=0)
    mixup: float = _setting(0.0, "loss", "share of batches mixed by mixup", least=0, most=1)
    cutmix: float = _setting(0.0, "loss", "share of batches mixed by cutmix", least=0, most=1)
    halfmix: float = _setting(0.0, "loss", "share of batches that swap left or right halves of photos", least=0, most=1)
    halfmix_within: str = _setting("", "loss", "attribute that both photos must share; empty for none")
    mix_alpha: float = _setting(1.0, "loss", "lambda ~ Beta(alpha, alpha) of mixup and cutmix", least=1e-3)

    optimizer: str = _setting("adamw", "optimizer", "timm optimizer: sgd, adam, adamw, …")
    lr: float = _setting(1e-3, "optimizer", "learning rate", least=0)
    weight_decay: float = _setting(0.05, "optimizer", "weight decay", least=0)
    momentum: float = _setting(0.9, "optimizer", "momentum of sgd")
    layer_decay: float = _setting(1.0, "optimizer", "lr factor from a layer to the one below; 1: off", least=0, most=1)
    clip_grad: float = _setting(1.0, "optimizer", "largest gradient norm; 0 for no clipping", least=0)
    accumulate: int = _setting(1, "optimizer", "batches per optimizer step", least=1)
    schedule: str = _setting("cosine", "optimizer", "cosine (to 0 over `epochs`), step, or constant",
                             choices=("cosine", "step", "constant"))
    warmup_epochs: float = _setting(1.0, "optimizer", "epochs in which the lr rises from 0", least=0)
    step_epochs: int = _setting(20, "optimizer", "schedule=step: epochs between drops", least=1)
    step_factor: float = _setting(0.5, "optimizer", "schedule=step: factor of a drop")
    ema_decay: float = _setting(0.99, "optimizer", "decay of averaged weights, which are then scored; 0: off",
                                least=0, most=1)

    average_best: int = _setting(1, "length", "number of best epochs to average, if that is better", least=1)
    best_by: str = _setting("metric", "length", "selects the best epoch: metric, val_loss, or a metric by name")

    epochs: int = _setting(12, "length", "passes over the training rows", least=1)
    patience: int = _setting(0, "length", "stop after this many epochs without a better score; 0: never", least=0)
    batch_size: int = _setting(32, "length", "images per batch", least=1)

    sampler: str = _setting("auto", "rows", "auto, shuffle, balanced (by class), one_of_each (per group and class)",
                            choices=("auto", "shuffle", "balanced", "one_of_each"))
    edges: str = _setting("", "rows", "training rows only: other edges for an attribute with ranges, as in size:30,58")
    soften: str = _setting("", "rows", "training rows only: labels spread by the number behind the classes: height:3")
    auxiliary: str = _setting("", "rows", "further targets in training, columns and their weights: height:0.3;kind:0.5")
    drop: str = _setting("", "rows", "training rows only: drop rows by the values of a column: height:57-59,20")
    pseudo: str = _setting("", "rows", "training rows only: pseudo-labels of that name, made by make pseudo")
    pseudo_share: float = _setting(0.3, "rows", "share of pseudo-labelled rows in an epoch", least=0, most=0.9)

    tta: str = _setting("hflip", "run", "views averaged by predict_fold")
    amp: str = _setting("auto", "run", "auto, bf16, fp16, or off", choices=("auto", "bf16", "fp16", "off"))
    channels_last: str = _setting("auto", "run", "auto (by model family), on, or off", choices=("auto", "on", "off"))
    compile: bool = _setting(False, "run", "torch.compile")
    cache: bool = _setting(True, "run", "keep decoded photos in outputs/cache; the pixels are the same without")
    workers: int = _setting(-1, "run", "loader processes; -1: chosen for the machine", least=-1)
    seed: int = _setting(0, "run", "seed of weights, order, mixing and augmentation")
