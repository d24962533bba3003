"""ResNet-34 (He et al. 2015), the seed team's convolutional third.

A recipe of the home competition: the values of the seed team, as they ran them.
Expected: their blend of three such runs (this one, and the two others of `efficientnetv2_rw_t`, `resnet34` and
`vit_small_r26`) had macro F1 0.7377 on the private leaderboard; alone it is not measured yet on real photos. The model
has 0.736 out of fold and 0.771 on the leaderboard of `make demo`, under its own settings (drawn faces, 32 px).
Hardware: one GPU of 6 GB; about 2 minutes an epoch on a T4.   Command: make train MODEL=resnet34
"""

from comp.recipes.recipe_settings import Recipe

RECIPE = Recipe(
    model="resnet34",       # the best of the resnets that they screened
    image_size=224,         # the size of its ImageNet weights
    crop=350,               # centre crop: the face without most of the background of 384 × 512
    mean=(0.548, 0.504, 0.479),  # of these photos, not ImageNet's
    std=(0.237, 0.247, 0.246),
    augment="none",         # mixing is the augmentation
    loss="focal",           # 192 of 2,700 people are 60: weight what is still wrong
    gamma=2.0,              # Lin et al. 2017
    smoothing=0.0,
    mixup=0.25,
    cutmix=0.25,            # half the batches stay plain, or the easy masks never get sharp
    mix_alpha=1.0,          # lambda uniform on 0 … 1
    optimizer="adam",
    lr=1e-4,                # small: pretrained convolutions forget at 1e-3
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
