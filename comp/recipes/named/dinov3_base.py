"""DINOv3 ViT-B/16 (Siméoni et al. 2025; 86 M weights), of which only the last four of twelve blocks are trained.

The other blocks are frozen, which saves time and memory, because they need no gradients and no optimizer state. With a
few thousand photos, the model then also overfits less. The settings are from the literature.
Expected score: unknown; not measured on real photos yet. What freezing saves was measured with the smallest DINOv3
(vit_tiny, all but the last block frozen, 16 photos of 256 px, float32, one CPU core): a step takes 6 s instead of 15 s,
and needs 121 MB of memory in addition to the model instead of 878 MB.
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
    layer_decay=0.8,        # for four blocks only; the lr of the lowest of them is still 0.4 of the head's lr
    warmup_epochs=1.0,
    checkpointing=False,    # four blocks need little memory; to train all: SET="freeze_epochs=1 checkpointing=true"
)
