"""Names of timm models: old names are replaced by new ones, unknown names and tags are refused."""

import difflib

from comp.errors import InputError

SUFFIXES = ("safetensors", "pth", "pt", "bin", "ckpt", "tar")  # of weights files; they are not tags


def current(name: str) -> str:
    """The current name of a timm model, with its tag; other names stay unchanged.

    vit_base_patch16_224_in21k, for example, is now vit_base_patch16_224.augreg_in21k.
    """
    from timm.models import _registry  # 2 s to import; timm has no public name for its table of old names

    return _registry._deprecated_models.get(name) or name


def check(name: str, recipes: list[str]) -> None:
    """Raise InputError unless timm has the model and its tag; it lists similar names or the known tags."""
    import timm

    base, dot, tag = current(name).partition(".")
    if not timm.is_model(base):
        raise _unknown(name, base, recipes)
    tags = [known.partition(".")[2] for known in timm.models.get_arch_pretrained_cfgs(base)]
    if dot and tag not in tags:
        raise _unknown_tag(name, base, tag, [known for known in tags if known])


def _unknown(name: str, base: str, recipes: list[str]) -> InputError:
    import timm

    near = difflib.get_close_matches(base, timm.list_models() + recipes, n=5, cutoff=0.5)
    return InputError(
        f"unknown MODEL={name}" + (f"; nearest: {', '.join(near)}" if near else ""),
        f"a recipe ({', '.join(recipes)}) or a timm model",
        "python -c 'import timm; print(*timm.list_models())'",
    )


def _unknown_tag(name: str, base: str, tag: str, tags: list[str]) -> InputError:
    known = f"one of {', '.join(f'{base}.{known}' for known in tags)}" if tags else f"{base}, which has no tags"
    if tag.rpartition(".")[2] in SUFFIXES:
        known = f"{base}, with the file in the folder weights of the inputs as {base}.{tag}; or {known}"
    nearest = difflib.get_close_matches(tag, tags, n=1, cutoff=0.5)
    better = f"{base}.{nearest[0]}" if nearest and tag.rpartition(".")[2] not in SUFFIXES else base
    return InputError(
        f"unknown MODEL={name}: timm has no weights {tag!r} of {base}", known, f"the same command with MODEL={better}"
    )
