"""EfficientNetV2-T of timm (Tan & Le 2021, Wightman's tiny variant), the efficient model in the seed team's blend.

A recipe of the home competition, with the values that the seed team used.
Expected: the team's blend of `efficientnetv2_rw_t`, `resnet34` and `vit_small_r26` had macro F1 0.7377 on the private
leaderboard. This recipe alone is not measured yet on real photos. In `make demo`, with the settings of the demo (drawn
faces, 40 px), the model has macro F1 0.691 out of fold and 0.829 on the demo's leaderboard.
Hardware: one GPU of 12 GB; about 4 minutes an epoch on a T4.   Command: make train MODEL=efficientnetv2_rw_t
"""

from comp.recipes.recipe_settings import Recipe

RECIPE = Recipe(
    model="efficientnetv2_rw_t",  # best of its family in their screening, ahead of b0 … b7
    image_size=224,         # its training size
    crop=350,               # a centre crop keeps the face and cuts most of the background of 384 × 512
    mean=(0.548, 0.504, 0.479),  # of these photos, not of ImageNet
    std=(0.237, 0.247, 0.246),
    augment="none",         # mixing augments instead
    loss="cross_entropy",
    smoothing=0.0,
    class_weights="balanced",  # classes weighted by 1 / share, since macro F1 counts each class alike
    mixup=0.5,              # no cutmix, since a pasted mouth makes the mask label wrong
    mix_alpha=1.0,          # lambda uniform on 0 … 1
    optimizer="adam",
    lr=2.5e-4,              # higher than for resnet34, which batch norms and depthwise layers allow
    weight_decay=5e-4,      # L2 as in Adam, not decoupled
    batch_size=128,
    accumulate=2,           # steps of 256 images
    schedule="step",
    step_epochs=20,         # lr halved every 20 epochs
    step_factor=0.5,
    epochs=60,              # an upper bound, since early stopping ends the training
    patience=5,             # epochs without a better macro F1
    warmup_epochs=0.0,      # the team used no warm-up, no clipping and no averaged weights
    clip_grad=0.0,
    ema_decay=0.0,
    sampler="shuffle",
    tta="hflip",
)
