"""Every setting of a run: its default, its meaning and the values it may have."""

from dataclasses import dataclass, field


def _setting(default, group: str, text: str, choices=(), least: float | None = None, most: float | None = None):
    """A field; choices, least and most are what `settings.validated` checks."""
    metadata = {"group": group, "help": text, "choices": choices, "least": least, "most": most}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Recipe:
    """Every setting of a run. The defaults are those of a timm model without a recipe of its own (see default.py).

    Settings that are "auto" are chosen by the competition's target and metric (see resolved.py).
    """

    name: str = _setting("", "model", "name of the recipe; set by `get`")
    model: str = _setting("", "model", "timm model, with its weights' tag if it matters")
    pretrained: bool = _setting(True, "model", "start from the hub's weights, or inputs/weights/<model>.safetensors")
    head: str = _setting("auto", "model", "auto, classes, attributes, regression, cumulative, or bins: see heads.py",
                         choices=("auto", "classes", "attributes", "regression", "cumulative", "bins"))
    bins: int = _setting(20, "model", "head=bins: how many points of the target's range are classes", least=2)
    drop_rate: float = _setting(0.0, "model", "dropout before the head", least=0, most=1)
    drop_path_rate: float = _setting(0.0, "model", "stochastic depth", least=0, most=1)
    freeze_epochs: int = _setting(0, "model", "first epochs in which a part of the model does not learn", least=0)
    freeze_stages: int = _setting(0, "model", "that part: so many first stages, stem included; 0: all but the head",
                                  least=0)

    image_size: int = _setting(224, "image", "side of the square that the model sees, pixels", least=8)
    crop: int = _setting(0, "image", "side of the centre crop before the resize, pixels; 0: whole photo", least=0)
    fit: str = _setting("squash", "image", "how a photo becomes a square: squash, crop (centre), or pad",
                        choices=("squash", "crop", "pad"))
    mean: tuple = _setting((), "image", "of red, green, blue, in 0 … 1; empty: the weights' own")
    std: tuple = _setting((), "image", "as mean")
    augment: str = _setting("upright", "image", "named training augmentation of comp/data/augment.py")

    loss: str = _setting("auto", "loss", "auto, a loss (cross_entropy, focal, bce, mse, …), or a sum: '0.4 f1 + focal'")
    smoothing: float = _setting(0.1, "loss", "label smoothing, of losses of classes and labels", least=0, most=1)
    class_weights: str = _setting("none", "loss", "none, or balanced (N / (C n_c); labels: negatives / positives)",
                                  choices=("none", "balanced"))
    gamma: float = _setting(2.0, "loss", "focusing of the loss `focal`", least=0)
    mixup: float = _setting(0.0, "loss", "share of batches mixed by mixup", least=0, most=1)
    cutmix: float = _setting(0.0, "loss", "share of batches mixed by cutmix", least=0, most=1)
    halfmix: float = _setting(0.0, "loss", "share of batches that swap left or right halves of photos", least=0, most=1)
    halfmix_within: str = _setting("", "loss", "attribute that both halves have in common; empty for any photo")
    mix_alpha: float = _setting(1.0, "loss", "lambda ~ Beta(alpha, alpha) of mixup and cutmix", least=1e-3)

    optimizer: str = _setting("adamw", "optimizer", "timm optimizer: sgd, adam, adamw, …")
    lr: float = _setting(1e-3, "optimizer", "learning rate", least=0)
    weight_decay: float = _setting(0.05, "optimizer", "weight decay", least=0)
    momentum: float = _setting(0.9, "optimizer", "momentum of sgd")
    layer_decay: float = _setting(1.0, "optimizer", "lr factor from a layer to the one below; 1: none", least=0, most=1)
    clip_grad: float = _setting(1.0, "optimizer", "largest gradient norm; 0 for no clipping", least=0)
    accumulate: int = _setting(1, "optimizer", "batches whose gradients make one step", least=1)
    schedule: str = _setting("cosine", "optimizer", "cosine (to 0 over `epochs`), step, or constant",
                             choices=("cosine", "step", "constant"))
    warmup_epochs: float = _setting(1.0, "optimizer", "epochs in which the lr rises from 0", least=0)
    step_epochs: int = _setting(20, "optimizer", "schedule=step: epochs between drops", least=1)
    step_factor: float = _setting(0.5, "optimizer", "schedule=step: factor of a drop")
    ema_decay: float = _setting(0.99, "optimizer", "decay of the averaged weights that are scored and kept; 0 for none",
                                least=0, most=1)

    average_best: int = _setting(1, "length", "keep the mean weights of so many best epochs if better", least=1)
    best_by: str = _setting("metric", "length", "what chooses the best epoch: metric, val_loss, or a metric's name")

    epochs: int = _setting(12, "length", "passes over the training rows", least=1)
    patience: int = _setting(0, "length", "stop after so many epochs without a better score; 0 for never", least=0)
    batch_size: int = _setting(32, "length", "images a step", least=1)

    sampler: str = _setting("auto", "rows", "auto, shuffle, balanced (by class), one_of_each (per group and class)",
                            choices=("auto", "shuffle", "balanced", "one_of_each"))
    edges: str = _setting("", "rows", "training rows only: other edges of an attribute that is a range: age:30,58")
    drop: str = _setting("", "rows", "training rows only: values of a column that are left out: years:57-59,20")

    tta: str = _setting("hflip", "run", "views averaged by predict_fold")
    amp: str = _setting("auto", "run", "auto, bf16, fp16, or off", choices=("auto", "bf16", "fp16", "off"))
    channels_last: str = _setting("auto", "run", "auto (by model family), on, or off", choices=("auto", "on", "off"))
    compile: bool = _setting(False, "run", "torch.compile")
    cache: bool = _setting(True, "run", "keep decoded photos in outputs/cache; same pixels without")
    workers: int = _setting(-1, "run", "loader processes; -1 to choose by the machine", least=-1)
    seed: int = _setting(0, "run", "seed of weights, order, mixing and augmentation")
