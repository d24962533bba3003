"""SigLIP 2 ViT-B/16 (Tschannen et al. 2025, "SigLIP 2"; 93 M weights). All weights are fine-tuned.

SigLIP 2 was trained on pairs of photos and texts, so its features distinguish what people write about: objects, scenes,
brands, writing. A blend with DINOv3 may score better than either model, because the two models were trained in
different ways and may be wrong on different photos. The settings are from the literature on fine-tuning CLIP.
Expected score: unknown; not measured on real photos yet.
Hardware: one GPU.   Command: make train MODEL=siglip2_base
"""

from comp.recipes.recipe_settings import Recipe

RECIPE = Recipe(
    model="vit_base_patch16_siglip_224.v2_webli",  # the tag v2_webli is SigLIP 2; webli is the first SigLIP
    image_size=224,         # the size in pretraining; for 256, 384 and 512 timm has other models
    lr=1e-4,                # of the head; half of the lr for DINOv3, since features of SigLIP are lost more easily
    layer_decay=0.65,       # Dong et al. 2022, "CLIP Itself is a Strong Fine-tuner": 0.6 to 0.65 for ViT-B
    weight_decay=0.05,      # decoupled; the value of DeiT and MAE fine-tuning
    freeze_epochs=1,        # the head first, because its first gradients would spoil the features (Kumar et al. 2022)
    warmup_epochs=2.0,      # one epoch for the head, one for the rest
    drop_path_rate=0.1,     # as for ViT-B in DeiT and BEiT fine-tuning
    checkpointing=True,     # needs less memory but a fifth to a third more time; not needed on a large GPU
    epochs=12,
    batch_size=32,
)
