"""Which timm models are transformers: they want a smaller learning rate, layer decay and the plain memory layout."""

from comp.recipes import model_names

# timm's modules whose models are patches with attention (or token mixing) and layer norms. Models that are mostly
# convolutions with batch norms are left out, whatever their names say: mobilevit, levit, efficientvit, fastvit, repvit.
_TRANSFORMERS = frozenset((
    "beit", "cait", "coat", "convit", "crossvit", "davit", "deepseek_vit", "deit", "eva", "gcvit", "gemma4_vit",
    "hiera", "hieradet_sam2", "maxxvit", "mlp_mixer", "mvitv2", "naflexvit", "nest", "pit", "pvt_v2", "qwen3_vit",
    "swin_transformer", "swin_transformer_v2", "swin_transformer_v2_cr", "tiny_vit", "tnt", "twins",
    "vision_transformer", "vision_transformer_hybrid", "vision_transformer_relpos", "vision_transformer_sam",
    "vitamin", "volo", "xcit",
))  # fmt: skip


def is_transformer(model: str) -> bool:
    """Whether a timm model, with or without a tag, is a transformer, by the module of timm that defines it.

    A name that timm does not know is none: it is refused elsewhere, with the nearest names.
    """
    import timm  # 2 s to import

    base = model_names.current(model).partition(".")[0]
    return timm.is_model(base) and timm.model_entrypoint(base).__module__.rpartition(".")[2] in _TRANSFORMERS
