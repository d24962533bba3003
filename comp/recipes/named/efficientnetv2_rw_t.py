"""EfficientNetV2-T of timm (Tan & Le 2021, Wightman's tiny variant), the seed team's efficient third.

A recipe of the home competition: the values of the seed team, as they ran them.
Expected: their blend of three such runs (this one, and the two others of `efficientnetv2_rw_t`, `resnet34` and
`vit_small_r26`) had macro F1 0.7377 on the private leaderboard; alone it is not measured yet on real photos. The model
has 0.691 out of fold and 0.829 on the leaderboard of `make demo`, under its own settings (drawn faces, 40 px).
Hardware: one GPU of 12 GB; about 4 minutes an epoch on a T4.   Command: make train MODEL=efficientnetv2_rw_t
"""

from comp.recipes.recipe_settings import Recipe

RECIPE = Recipe(
    model="efficientnetv2_rw_t",  # best of its family in their screening, ahead of b0 … b7
    image_size=224,         # its training size
    crop=350,               # centre crop: the face without most of the background of 384 × 512
    mean=(0.548, 0.504, 0.479),  # of these photos, not ImageNet's
    std=(0.237, 0.247, 0.246),
    augment="none",         # mixing is the augmentation
    loss="cross_entropy",
    smoothing=0.0,
    class_weights="balanced",  # classes weighted by 1 / share: macro F1 counts each class alike
    mixup=0.5,              # no cutmix: a pasted mouth is a wrong mask label
    mix_alpha=1.0,          # lambda uniform on 0 … 1
    optimizer="adam",
    lr=2.5e-4,              # higher than resnet34's: batch norms and depthwise layers take it
    weight_decay=5e-4,      # L2 in Adam's sense, not decoupled
    batch_size=128,
    accumulate=2,           # steps of 256 images
    schedule="step",
    step_epochs=20,         # lr halved every 20 epochs
    step_factor=0.5,
    epochs=60,              # an upper bound: early stopping ends it
    patience=5,             # epochs without a better macro F1
    warmup_epochs=0.0,      # no warm-up, clipping or averaged weights: they trained plainly
    clip_grad=0.0,
    ema_decay=0.0,
    sampler="shuffle",
    tta="hflip",
)
