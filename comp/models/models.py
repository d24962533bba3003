"""Recipe to timm model: backbone, head, and where the pretrained weights come from."""

import dataclasses
import difflib
import hashlib
import inspect
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from comp.errors import InputError
from comp.io import files
from comp.recipes.recipe import Recipe


class AttributeSum(nn.Module):
    """One head an attribute: its logits (B, A) summed to class logits (B, C).

    The softmax of the sum is the product of the attributes' softmaxes, so every loss and blend works unchanged.
    """

    def __init__(self, backbone: nn.Module, table: Tensor):
        super().__init__()
        self.backbone = backbone
        self.register_buffer("table", table, persistent=False)  # (A, C) of 0 and 1

    def forward(self, images: Tensor) -> Tensor:
        return self.backbone(images) @ self.table


def attribute_table(attributes: dict) -> Tensor:
    """(A, C): 1 where a class has the attribute value; attributes: name to the value of each class (C,)."""
    rows = [
        (values == value) for values in map(torch.as_tensor, attributes.values()) for value in range(values.max() + 1)
    ]
    return torch.stack(rows).float()


def create(recipe: Recipe, classes: int, attributes: dict, weights: Path, pretrained: bool | None = None) -> nn.Module:
    """The recipe's model, on the CPU: images (B, 3, H, W) to logits (B, classes).

    attributes: name to the value of each class (C,), for head="attributes"; weights: the folder of local weights.
    pretrained: the recipe's, unless given. Raises InputError for an unknown model and for weights that cannot be had.
    """
    table = attribute_table(attributes)
    outputs = len(table) if recipe.head == "attributes" else classes
    source = _source(recipe.model, weights) if (recipe.pretrained if pretrained is None else pretrained) else {}
    backbone = _timm_model(recipe, outputs, weights, source)
    small_head(backbone)
    return AttributeSum(backbone, table) if recipe.head == "attributes" else backbone


def small_head(backbone: nn.Module) -> None:
    """Start with every class about equally likely, as timm's ViTs do: the random head of its efficientnets, whose scale
    comes from the number of classes, costs them their first epochs in unlearning it."""
    for parameter in backbone.get_classifier().parameters():
        nn.init.trunc_normal_(parameter, std=0.02) if parameter.ndim > 1 else nn.init.zeros_(parameter)


def check_name(name: str, recipes: list[str]) -> None:
    """Raise InputError, with the nearest names, unless timm knows the model."""
    import timm  # 2 s to import: after the cheap checks

    base = name.partition(".")[0]
    if not timm.is_model(base):
        near = difflib.get_close_matches(base, timm.list_models() + recipes, n=5, cutoff=0.5)
        raise InputError(
            f"unknown MODEL={name}" + (f"; nearest: {', '.join(near)}" if near else ""),
            f"a recipe ({', '.join(recipes)}) or a timm model",
            "python -c 'import timm; print(*timm.list_models())'",
        )


def with_normalisation(recipe: Recipe) -> Recipe:
    """The recipe with the mean and std that timm's weights of its model were trained with, where it gives none."""
    import timm

    weights = timm.get_pretrained_cfg(recipe.model) or timm.models.PretrainedCfg()
    return dataclasses.replace(recipe, mean=recipe.mean or weights.mean, std=recipe.std or weights.std)


def _timm_model(recipe: Recipe, outputs: int, weights: Path, source: dict) -> nn.Module:
    import timm

    check_name(recipe.model, [])
    options = dict(num_classes=outputs, drop_rate=recipe.drop_rate, drop_path_rate=recipe.drop_path_rate or None)
    try:
        return _with_image_size(
            timm.create_model, recipe, pretrained=bool(source), **options, **source.get("options", {})
        )
    except (RuntimeError, ValueError, TypeError, KeyError, SafetensorError) as error:
        if not source.get("file"):
            if not source:
                raise InputError(f"timm cannot build {recipe.model}: {error}", "settings that fit the model") from error
            raise _no_weights(recipe.model, weights, error) from error
        raise InputError(
            f"{source['file']} does not fit {recipe.model}: {error}", "weights of that timm model"
        ) from error
    except Exception as error:  # the hub's client has a dozen ways to say that there is no network
        raise _no_weights(recipe.model, weights, error) from error


def _with_image_size(create_model, recipe: Recipe, **options) -> nn.Module:
    """Models with a fixed position embedding (ViT, Swin) take img_size; the others raise a TypeError for it."""
    import timm

    default = timm.get_pretrained_cfg(recipe.model)
    fixed = default is not None and default.fixed_input_size
    takes = "img_size" in inspect.signature(timm.model_entrypoint(recipe.model.partition(".")[0])).parameters
    if fixed or takes:
        options["img_size"] = recipe.image_size
    return create_model(recipe.model, **options)


def _source(name: str, weights: Path) -> dict:
    """A local file goes first: who puts one there means it, and no network is asked."""
    for stem in dict.fromkeys((name, name.partition(".")[0])):
        for suffix in (".safetensors", ".pth"):
            file = weights / f"{stem}{suffix}"
            if file.is_file():
                return {"file": file, "options": {"pretrained_cfg_overlay": {"file": str(_checked(file))}}}
    return {"hub": True}


def _checked(file: Path) -> Path:
    """The file itself if it opens as weights and nothing else: no pickle is ever run."""
    try:
        if file.suffix == ".safetensors":
            load_file(file)
        else:
            torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises UnpicklingError, RuntimeError, EOFError, … for a hostile or torn file
        raise InputError(
            f"{file} is not a readable weights file: {error}", "safetensors, or a .pth of tensors"
        ) from None
    return file


def _no_weights(name: str, weights: Path, error: Exception) -> InputError:
    return InputError(
        f"no pretrained weights for {name}: the hub cannot be reached ({_first_line(error)})",
        f"a network that reaches the model hub, or the file {weights / (name + '.safetensors')} (or .pth)",
        "the same command with SET=pretrained=false RUN=<name> trains from scratch",
    )


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"


def save_weights(path: Path, state: dict[str, Tensor], metadata: dict) -> None:
    """Write a state dict as safetensors, whole or not at all, with a checksum over weights and metadata.

    metadata goes in as one JSON text: safetensors shuffles its keys, and equal weights should be equal bytes.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    meta = {**metadata, "sha256": _checksum(tensors, metadata)}
    files.write_bytes(path, save(tensors, {"meta": json.dumps(meta)}))


def _checksum(tensors: dict[str, Tensor], metadata: dict) -> str:
    """Of the weights' bytes, names, types and shapes, and of the metadata."""
    sha = hashlib.sha256(files.checksum(metadata).encode())
    for name, value in sorted(tensors.items()):
        sha.update(f"{name}\0{value.dtype}\0{tuple(value.shape)}\0".encode())
        sha.update(value.contiguous().flatten().view(torch.uint8).numpy())
    return sha.hexdigest()[:16]


def weights_metadata(path: Path, run: str) -> dict:
    """What `save_weights` was given; InputError where the file does not open."""
    try:
        meta = _metadata(path)
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} does not open: {error}", "the whole weights of a fold", run) from None
    meta.pop("sha256", None)
    return meta


def _metadata(path: Path) -> dict:
    with safe_open(path, "pt") as file:
        meta = json.loads((file.metadata() or {}).get("meta", "{}"))
    if not isinstance(meta, dict):
        raise ValueError(f"its metadata is a {type(meta).__name__}")
    return meta


def load_weights(model: nn.Module, path: Path, run: str) -> None:
    """Load what `save_weights` wrote into the model; InputError where it is missing, damaged or of another model."""
    if not path.is_file():
        raise InputError(f"no {path}", "the weights of a trained fold", run)
    try:
        tensors, meta = load_file(path), _metadata(path)
        if meta.pop("sha256") != _checksum(tensors, meta):
            raise ValueError("its checksum is another one: it was damaged or changed")
        model.load_state_dict(tensors)
    except (SafetensorError, RuntimeError, OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} does not load: {str(error).splitlines()[0]}", "the weights of this run", run
        ) from None
