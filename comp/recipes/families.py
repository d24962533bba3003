"""Which timm models are transformers: they need a smaller learning rate, layer decay and the plain memory layout."""

from comp.recipes import model_names

# Modules of timm with models that use attention (or token mixing) over patches, and layer norms. Models with mostly
# convolutions and batch norms are not listed, even if their name has "vit": mobilevit, levit, efficientvit, fastvit.
_TRANSFORMERS = frozenset((
    "beit", "cait", "coat", "convit", "crossvit", "davit", "deepseek_vit", "deit", "eva", "gcvit", "gemma4_vit",
    "hiera", "hieradet_sam2", "maxxvit", "mlp_mixer", "mvitv2", "naflexvit", "nest", "pit", "pvt_v2", "qwen3_vit",
    "swin_transformer", "swin_transformer_v2", "swin_transformer_v2_cr", "tiny_vit", "tnt", "twins",
    "vision_transformer", "vision_transformer_hybrid", "vision_transformer_relpos", "vision_transformer_sam",
    "vitamin", "volo", "xcit",
))  # fmt: skip


def is_transformer(model: str) -> bool:
    """Whether a timm model, with or without a tag, is a transformer; the module of timm that defines it decides.

    False for a name that timm does not know: models/factory.py refuses it and lists similar names.
    """
    import timm  # 2 s to import

    base = model_names.current(model).partition(".")[0]
    return timm.is_model(base) and timm.model_entrypoint(base).__module__.rpartition(".")[2] in _TRANSFORMERS
