"""The default recipe, for any timm model, such as `make train MODEL=tf_efficientnet_lite0`.

The values are the defaults of Recipe. The reasons for them are:
- optimizer adamw with warm-up and cosine: timm fine-tunes with them both convolutional models and transformers.
- lr 1e-3: three times the usual 3e-4, because with a smaller lr a model learns too little in few epochs.
- weight_decay 0.05: decoupled, as for ConvNeXt, Swin and DeiT.
- warmup_epochs 1: transformers diverge without a warm-up. Half an epoch scores 0.785, within the noise of one fold.
- clip_grad 1: one bad batch cannot undo an epoch.
- batch_size 32: twice as many steps as with 64. Small competitions need more steps per epoch.
- epochs 12: enough for 18,900 photos from pretrained weights, and an evening on one GPU for five folds.
- smoothing 0.1: similar classes are hard to tell apart, so a model should not be certain.
- sampler auto: balanced if the metric gives each class the same weight.
- augment upright: flip, small moves, brightness. It changes no hue, because colour often distinguishes classes.
- ema_decay 0.99: the average covers about 100 steps. With a larger decay it is too old after a few hundred steps.
- crop 0, and the mean and std of the pretrained weights, because nothing is known about the photos.

Measured with the ImageNet weights of tf_efficientnet_lite0, 6 epochs, on drawn photos of the home competition (the one
this toolkit was first written for, in comp/inputs/mask_gender_age.py), by its metric:
- 1,120 photos, 96 px, one fold: a plain loop (batch 64, lr 3e-4, flip) scores 0.625. Batch 32, lr 1e-3 and EMA raise
  the score to 0.766, then a balanced sampler raises it to 0.793, and then augment=upright raises it to 0.821. lr 2e-3
  without the sampler and without augment=upright scores 0.805.
- 2,800 photos, 112 px: this recipe scores 0.856 (sd 0.027) over 5 folds, in 16 min 41 s on two CPU cores. On the first
  fold a plain loop (with EMA and one cycle) scores 0.495, and this recipe scores 0.865 in two thirds of the time. It
  scores 0.869 with mixing, 0.871 with one head per attribute, and 0.851 with a shuffled sampler. These three
  differences are noise.
Expected on real photos, with the same weights and epochs, at 64 px with 3 folds on two shared CPU cores:
- 18 classes, by the home competition's metric: 0.345 out of fold and 0.403 on photos held back (mean of 3 seeds, 3.7
  minutes a run).
- 3 classes, 1,682 photos: 0.797 out of fold and 0.731 on photos held back (one seed, 2 min 12 s). A plain loop scores
  0.572 and 0.587.
The values for transformers are not measured.
To find a better recipe, measure yours against this one, then write it in named/.
"""

import dataclasses

from comp.recipes.recipe_settings import Recipe

RECIPE = Recipe()

# With the learning rate of convolutions, attention forgets its pretraining. Lower layers get less still, as in BEiT.
TRANSFORMER = dataclasses.replace(RECIPE, lr=3e-4, layer_decay=0.75)
