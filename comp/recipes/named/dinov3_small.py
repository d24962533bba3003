"""DINOv3 ViT-S/16 (Siméoni et al. 2025, "DINOv3"; 21 M weights), fine-tuned whole: for photos of any kind.

It was trained without labels on 1.7 billion photos: its features also work on scenes, textures and medical photos, for
which ImageNet's labels do not help. The values are those of ViT fine-tuning in the literature.
Expected: not measured yet on real photos. Compare its out-of-fold score with that of your best convolutional run.
Hardware: one GPU; if its memory is too small: SET=checkpointing=true.   Command: make train MODEL=dinov3_small
"""

from comp.recipes.recipe_settings import Recipe

RECIPE = Recipe(
    model="vit_small_patch16_dinov3.lvd1689m",  # the web photos; sat493m (of larger models) is for satellite photos
    image_size=256,         # the size of its weights; its rotary positions take any multiple of 16
    lr=2e-4,                # of the head; attention forgets its pretraining at a convolution's 1e-3
    layer_decay=0.7,        # low layers are good as they are: the first block learns 70 times slower
    weight_decay=0.05,      # decoupled; the value of DeiT and MAE fine-tuning
    freeze_epochs=1,        # the head alone first: its random gradients would spoil the features (Kumar et al. 2022)
    warmup_epochs=2.0,      # one for the head, one for the rest
    drop_path_rate=0.1,     # DeiT-S's
    epochs=12,
    batch_size=32,
)
