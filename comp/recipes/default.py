"""Any timm model by its own name: `make train MODEL=tf_efficientnet_lite0`.

The values are the defaults of Recipe. Why they are what they are:
- optimizer adamw with warm-up and cosine: timm's own fine-tuning uses it for convolutions and transformers alike.
- lr 1e-3: three times the usual 3e-4, because few epochs end before a smaller one has got anywhere.
- weight_decay 0.05: decoupled; the value of ConvNeXt, Swin and DeiT.
- warmup_epochs 1: 0.785 with half of it, though one fold's noise is as large; transformers diverge without.
- clip_grad 1: keeps one bad batch from undoing an epoch.
- batch_size 32: twice the steps of 64. A small competition is short of steps, not of images.
- epochs 12: enough for 18,900 photos from pretrained weights, and an evening on one GPU for five folds.
- smoothing 0.1: neighbouring classes look alike, so certainty is rarely right.
- sampler auto: where the metric counts each class alike, so does the loss then.
- augment upright: flip, small moves, light. No hue: colour is often what tells classes apart.
- ema_decay 0.99: averages 100 steps. Slower ones lag behind a training of a few hundred.
- crop 0 and the mean and std of the weights: nothing is known of the photos.

Measured with ImageNet weights (tf_efficientnet_lite0, 6 epochs, drawn photos of the home competition, macro F1):
- 1,120 photos, 96 px, one fold: the plain loop (batch 64, lr 3e-4, flip) 0.625; batch 32, lr 1e-3 and EMA 0.766; and a
  balanced sampler 0.793; and augment=upright 0.821; lr 2e-3 without these two 0.805.
- 2,800 photos, 112 px: 0.856 (sd 0.027) over 5 folds. On the first of them the plain loop (with EMA and one cycle) has
  0.495, this recipe 0.865 in two thirds of its time; with mixing 0.869, one head per attribute 0.871, a shuffled
  sampler 0.851, which is noise.
Measure, then write a recipe in named/.
"""

import dataclasses

from comp.recipes.recipe import Recipe

RECIPE = Recipe()

# Attention forgets its pretraining at a convolution's rate: a smaller one, smaller still for lower layers (BEiT, MAE).
TRANSFORMER = dataclasses.replace(RECIPE, lr=3e-4, layer_decay=0.75)
