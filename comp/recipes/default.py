"""Any timm model by its own name: `make train MODEL=tf_efficientnet_lite0`.

AdamW with warm-up and cosine is what timm's own fine-tuning uses for convolutions and transformers alike.

Measured with real ImageNet weights (tf_efficientnet_lite0, 6 epochs, drawn faces in the home layout, macro F1):
- 1,120 faces, 96 px, one fold: the plain loop (batch 64, lr 3e-4, flip) 0.625; batch 32, lr 1e-3 and EMA 0.766; and a
  balanced sampler 0.793; and the face augmentation 0.821; lr 2e-3 without these two 0.805.
- 2,800 faces, 112 px: 0.856 (sd 0.027) over 5 folds. On the first of them the plain loop (with EMA and one cycle) has
  0.495, this recipe 0.865 in two thirds of its time; with mixing 0.869, a head an attribute 0.871, a shuffled sampler
  0.851, which is noise.
Measure, then write a recipe beside this one.
"""

import dataclasses

from comp.recipes.recipe import Recipe

RECIPE = Recipe(
    mean=(),             # the weights' own: 2 times these photos' spread for ViTs, and their patches have no norm
    std=(),
    optimizer="adamw",
    lr=1e-3,             # three times the usual 3e-4: few epochs end before a smaller one has got anywhere
    weight_decay=0.05,   # decoupled; the value of ConvNeXt, Swin and DeiT
    schedule="cosine",
    warmup_epochs=1.0,   # 0.785 with half of it, though one fold's noise is as large; transformers diverge without
    clip_grad=1.0,       # keeps one bad batch from undoing an epoch
    batch_size=32,       # twice the steps of 64: steps, not images, are what a small competition is short of
    epochs=12,           # 18,900 faces, pretrained: enough, and an evening on one GPU for five folds
    smoothing=0.1,       # 59 and 60 look alike: certainty is never right
    sampler="balanced",  # macro F1 counts each class alike, and so does the loss then
    augment="face",      # flip, small moves, light; no hue: hair and skin colour tell age
    ema_decay=0.99,      # averages 100 steps: slower ones lag behind a training of a few hundred
)

# Attention forgets its pretraining at a convolution's rate: a smaller one, smaller still for lower layers (BEiT, MAE).
TRANSFORMER = dataclasses.replace(RECIPE, lr=3e-4, layer_decay=0.75)
