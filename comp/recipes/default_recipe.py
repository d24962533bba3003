"""The default recipe, for timm models without a named recipe, as in `make train MODEL=tf_efficientnet_lite0`.

Its settings are the defaults of the class Recipe. Many of them are "auto": the rules in automatic.py choose a value
that fits the competition, its rows and its photos. These are the reasons for the others:
- optimizer adamw with a warm-up and a cosine schedule: timm usually fine-tunes both convolutional models and
  transformers in this way.
- weight_decay 0.05: decoupled, as for ConvNeXt, Swin and DeiT.
- clip_grad 1: a single bad batch cannot spoil an epoch.
- batch_size 32: an epoch has twice as many steps as with 64. Small competitions need the steps.
- augment upright: photos are mirrored, moved a little and made lighter or darker. Their hue does not change, because
  colour often distinguishes classes.
- crop 0, and the mean and std of the pretrained weights: nothing is known about the photos.

docs/records.md has the scores of this recipe on seven small competitions with all kinds of targets, and
docs/defaults.md explains the rules. Before there were rules, it had 12 epochs, lr 1e-3, a warm-up of 1 epoch, ema_decay
0.99 and smoothing 0.1, and kept the best epoch of each fold. With these settings, it was measured with the ImageNet
weights of tf_efficientnet_lite0, for 6 epochs. The scores, except those for 3 classes, are values of the metric of the
competition that this toolkit was first written for (see comp/inputs/mask_gender_age.py).
On photos that were drawn by a program in the style of that competition:
- 1,120 photos, 96 px, one fold: a plain training loop (batch 64, lr 3e-4, flip) scored 0.625. Batch 32, lr 1e-3 and EMA
  raised the score to 0.766, then a balanced sampler raised it to 0.793, and then augment=upright raised it to 0.821.
  With lr 2e-3, but without the sampler and without augment=upright, the score was 0.805.
- 2,800 photos, 112 px: this recipe scored 0.856 (standard deviation 0.027) over 5 folds, in 16 min 41 s on two CPU
  cores. On the first fold, a plain training loop (with EMA and a one-cycle schedule) scored 0.495. On the same fold,
  this recipe scored 0.865 in two thirds of the time. It scored 0.869 with mixing, 0.871 with one head for each
  attribute, and 0.851 with sampler=shuffle, but these differences are noise.
On real photos, with 64 px and 3 folds on two shared CPU cores:
- 18 classes: this recipe scored 0.345 out of fold and 0.403 on photos that were held back (mean of 3 seeds; one run
  took 3.7 minutes).
- 3 classes, 1,682 photos: this recipe scored 0.797 out of fold and 0.731 on photos that were held back (one seed, 2 min
  12 s). A plain training loop scored 0.572 and 0.587.
The settings of the default recipe for transformers were not measured.
To find a better recipe, compare your recipe with this one, then save yours as a file in named/.
"""

import dataclasses

from comp.recipes.recipe_settings import Recipe

RECIPE = Recipe()

# In transformers, the lower a layer is, the smaller its learning rate is, as in BEiT.
TRANSFORMER = dataclasses.replace(RECIPE, layer_decay=0.75)
