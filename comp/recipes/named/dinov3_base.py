"""DINOv3 ViT-B/16 (Siméoni et al. 2025; 86 M weights) with only its last four blocks trained, for little memory.

The frozen two thirds of the model need only a forward pass, without gradients, optimizer state and kept outputs. With a
few thousand photos the model also overfits less. The values are from the literature.
Expected: not measured yet on real photos. With the smallest DINOv3 (vit_tiny, all but the last block frozen, 16 photos
of 256 px, float32, one CPU core) a step takes 6 s instead of 15, and 121 MB in addition to the model instead of 878.
Hardware: one GPU.   Command: make train MODEL=dinov3_base
For ViT-L (300 M): make train MODEL=dinov3_base RUN=dinov3_large SET="model=vit_large_patch16_dinov3.lvd1689m lr=1e-4"
"""

import dataclasses

from comp.recipes.named import dinov3_small

RECIPE = dataclasses.replace(
    dinov3_small.RECIPE,    # the same pretraining photos, size and normalisation
    model="vit_base_patch16_dinov3.lvd1689m",
    freeze_epochs=-1,       # in all epochs
    freeze_stages=-4,       # train only the last four of twelve blocks and the head
    lr=2e-4,
    layer_decay=0.8,        # over four blocks only, of which the lowest still learns at 0.4 of the head's lr
    warmup_epochs=1.0,
    checkpointing=False,    # four blocks need little; for the whole model: SET="freeze_epochs=1 checkpointing=true"
)
