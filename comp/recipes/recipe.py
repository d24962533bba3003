"""Every setting of a run, with its default and its meaning."""

from dataclasses import dataclass, field


def _setting(default, group: str, text: str):
    return field(default=default, metadata={"group": group, "help": text})


@dataclass(frozen=True)
class Recipe:
    """Every setting of a run. The defaults are those of a timm model that has no recipe of its own (see default.py)."""

    name: str = _setting("", "model", "name of the recipe; set by `get`")
    model: str = _setting("", "model", "timm model, with its weights' tag if it matters")
    pretrained: bool = _setting(True, "model", "start from the hub's weights, or inputs/weights/<model>.safetensors")
    head: str = _setting("classes", "model", "classes: one logit a class; attributes: one head an attribute, summed")
    drop_rate: float = _setting(0.0, "model", "dropout before the head")
    drop_path_rate: float = _setting(0.0, "model", "stochastic depth")
    freeze_epochs: int = _setting(0, "model", "first epochs in which a part of the model does not learn")
    freeze_stages: int = _setting(0, "model", "that part: so many first stages, stem included; 0: all but the head")

    image_size: int = _setting(224, "image", "side of the square that the model sees, pixels")
    crop: int = _setting(350, "image", "side of the centre crop before the resize, pixels; 0 for the whole photo")
    mean: tuple = _setting((0.548, 0.504, 0.479), "image", "of red, green, blue, in 0 … 1; empty: the weights' own")
    std: tuple = _setting((0.237, 0.247, 0.246), "image", "as mean")
    augment: str = _setting("none", "image", "named training augmentation of comp/augment.py")

    loss: str = _setting("cross_entropy", "loss", "cross_entropy, focal, f1, or a sum: '0.4 f1 + 0.6 focal(age)'")
    smoothing: float = _setting(0.0, "loss", "label smoothing, of every loss")
    class_weights: str = _setting("none", "loss", "none, or balanced (N / (C n_c)), of every loss")
    gamma: float = _setting(2.0, "loss", "focusing of the loss `focal`")
    mixup: float = _setting(0.0, "loss", "share of batches mixed by mixup")
    cutmix: float = _setting(0.0, "loss", "share of batches mixed by cutmix")
    halfmix: float = _setting(0.0, "loss", "share of batches that swap the left or right half of the face")
    halfmix_within: str = _setting("", "loss", "attribute that both halves share, such as age; empty for any image")
    mix_alpha: float = _setting(1.0, "loss", "lambda ~ Beta(alpha, alpha) of mixup and cutmix")

    optimizer: str = _setting("adamw", "optimizer", "timm optimizer: sgd, adam, adamw, …")
    lr: float = _setting(3e-4, "optimizer", "learning rate")
    weight_decay: float = _setting(0.05, "optimizer", "weight decay")
    momentum: float = _setting(0.9, "optimizer", "momentum of sgd")
    layer_decay: float = _setting(1.0, "optimizer", "lr factor from a layer to the one below; 1 for none")
    clip_grad: float = _setting(0.0, "optimizer", "largest gradient norm; 0 for no clipping")
    accumulate: int = _setting(1, "optimizer", "batches whose gradients make one step")
    schedule: str = _setting("cosine", "optimizer", "cosine (to 0 over `epochs`), step, or constant")
    warmup_epochs: float = _setting(0.0, "optimizer", "epochs in which the lr rises from 0")
    step_epochs: int = _setting(20, "optimizer", "schedule=step: epochs between drops")
    step_factor: float = _setting(0.5, "optimizer", "schedule=step: factor of a drop")
    ema_decay: float = _setting(0.0, "optimizer", "decay of the averaged weights that are scored and kept; 0 for none")

    average_best: int = _setting(1, "length", "keep the mean weights of so many best epochs if they score better")
    best_by: str = _setting("macro_f1", "length", "score that chooses the best epoch: macro_f1, accuracy, val_loss")

    epochs: int = _setting(20, "length", "passes over the training rows")
    patience: int = _setting(0, "length", "stop after so many epochs without a better score; 0 for never")
    batch_size: int = _setting(64, "length", "images a step")

    sampler: str = _setting("shuffle", "rows", "shuffle; balanced: by class; one_of_each: one photo a person and class")
    edges: str = _setting("", "rows", "training rows only: other edges of an attribute that is a range: age:30,58")
    drop: str = _setting("", "rows", "training rows only: values of a column that are left out: years:57-59,20")

    tta: str = _setting("hflip", "run", "views averaged by predict_fold")
    amp: str = _setting("auto", "run", "auto, bf16, fp16, or off")
    channels_last: str = _setting("auto", "run", "auto (by model family), on, or off")
    compile: bool = _setting(False, "run", "torch.compile")
    cache: bool = _setting(True, "run", "keep decoded photos in outputs/cache; same pixels without")
    workers: int = _setting(-1, "run", "loader processes; -1 to choose by the machine")
    seed: int = _setting(0, "run", "seed of weights, order, mixing and augmentation")
