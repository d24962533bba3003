"""ViT-S/32 on a ResNet-26 stem (Steiner et al. 2021, augreg, ImageNet-21k), the seed team's best single model.

A recipe of the home competition: the values of the seed team, as they ran them.
Expected: their blend of three such runs (this one, and the two others of `efficientnetv2_rw_t`, `resnet34` and
`vit_small_r26`) had macro F1 0.7377 on the private leaderboard; alone it is not measured yet on real photos. The model
has 0.688 out of fold and 0.775 on the leaderboard of `make demo`, under its own settings (drawn faces, 32 px).
Hardware: one GPU of 6 GB; about 2 minutes an epoch on a T4.   Command: make train MODEL=vit_small_r26
"""

from comp.recipes.recipe_settings import Recipe

RECIPE = Recipe(
    model="vit_small_r26_s32_224.augreg_in21k",  # 21k weights: they know more kinds of people than 1k's
    image_size=224,         # the size of its position embedding
    crop=350,               # centre crop: the face without most of the background of 384 × 512
    mean=(0.548, 0.504, 0.479),  # of these photos, not ImageNet's
    std=(0.237, 0.247, 0.246),
    augment="none",         # mixing is the augmentation
    loss="cross_entropy",
    smoothing=0.1,          # 59 and 60 look alike: certainty about age is never right
    mixup=0.35,
    cutmix=0.35,            # a transformer takes more mixing than a convolution
    mix_alpha=1.0,          # lambda uniform on 0 … 1
    optimizer="sgd",        # the fine-tuning optimizer of the ViT paper
    momentum=0.9,
    lr=1e-3,                # small: pretrained attention diverges at SGD's usual 0.03
    weight_decay=5e-4,
    batch_size=64,
    accumulate=2,           # steps of 128 images
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
