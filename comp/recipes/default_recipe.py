"""The default recipe, for any timm model: `make train MODEL=tf_efficientnet_lite0`.

The values are the defaults of Recipe. The reasons:
- optimizer adamw with warm-up and cosine: timm uses it for fine-tuning both convolutional models and transformers.
- lr 1e-3: three times the usual 3e-4, because a smaller one learns too little in few epochs.
- weight_decay 0.05: decoupled, as for ConvNeXt, Swin and DeiT.
- warmup_epochs 1: half an epoch had 0.785, a difference within the noise of one fold; transformers diverge without it.
- clip_grad 1: one bad batch cannot undo an epoch.
- batch_size 32: twice as many steps as with 64. Small competitions need more steps per epoch.
- epochs 12: enough for 18,900 photos from pretrained weights, and an evening on one GPU for five folds.
- smoothing 0.1: similar classes are hard to tell apart, so a model should not be certain.
- sampler auto: balanced if the metric gives each class the same weight.
- augment upright: flip, small moves, brightness. No hue: colour often distinguishes classes.
- ema_decay 0.99: averages about 100 steps. A slower average is too old after a few hundred steps.
- crop 0, and the mean and std of the pretrained weights: nothing is known about the photos.

Measured with the ImageNet weights of tf_efficientnet_lite0, 6 epochs, on drawn photos of the home competition (the one
this toolkit was first written for, in comp/inputs/mask_gender_age.py), by its metric:
- 1,120 photos, 96 px, one fold: a plain loop (batch 64, lr 3e-4, flip) has 0.625; with batch 32, lr 1e-3 and EMA 0.766;
  with a balanced sampler too 0.793; with augment=upright too 0.821. lr 2e-3 without the last two has 0.805.
- 2,800 photos, 112 px: 0.856 (sd 0.027) over 5 folds, in 16 min 41 s on two CPU cores. On the first fold a plain loop
  (with EMA and one cycle) has 0.495; this recipe has 0.865 in two thirds of the time. With mixing it has 0.869, with
  one head per attribute 0.871, with a shuffled sampler 0.851: these three differences are noise.
Expected on real photos, the same weights and epochs at 64 px, 3 folds, two shared CPU cores: 18 classes, by the home
competition's metric 0.345 out of fold and 0.403 held back (mean of 3 seeds, 3.7 minutes a run); 3 classes, 1,682
photos, 0.797 and 0.731 (one seed, 2 min 12 s), where a plain loop has 0.572 and 0.587. The values for transformers
are not measured.
To improve on it, measure, then write a recipe in named/.
"""

import dataclasses

from comp.recipes.recipe_settings import Recipe

RECIPE = Recipe()

# With the learning rate of convolutions, attention forgets its pretraining. Lower layers get less still (BEiT, MAE).
TRANSFORMER = dataclasses.replace(RECIPE, lr=3e-4, layer_decay=0.75)
