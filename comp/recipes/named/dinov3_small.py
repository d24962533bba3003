"""DINOv3 ViT-S/16 (Siméoni et al. 2025, "DINOv3"; 21 M weights). All weights are fine-tuned, for photos of any kind.

DINOv3 was trained without labels on 1.7 billion photos. So its features also work on scenes, textures and medical
photos, for which the labels of ImageNet do not help. The settings are from the literature on fine-tuning ViT.
Expected score: unknown; not measured on real photos yet. Compare the out-of-fold score with that of your best
convolutional run.
Hardware: one GPU; if its memory is too small: SET=checkpointing=true.   Command: make train MODEL=dinov3_small
"""

from comp.recipes.recipe_settings import Recipe

RECIPE = Recipe(
    model="vit_small_patch16_dinov3.lvd1689m",  # from web photos; sat493m (larger models) is from satellite photos
    image_size=256,         # the size in pretraining; the rotary positions allow any multiple of 16
    lr=2e-4,                # of the head; with 1e-3, as for convolutions, attention forgets its pretraining
    layer_decay=0.7,        # low layers need little change; the first block learns 70 times slower
    weight_decay=0.05,      # decoupled; the value of DeiT and MAE fine-tuning
    freeze_epochs=1,        # the head first, because its first gradients would spoil the features (Kumar et al. 2022)
    warmup_epochs=2.0,      # one epoch for the head, one for the rest
    drop_path_rate=0.1,     # as for DeiT-S
    epochs=12,
    batch_size=32,
)
