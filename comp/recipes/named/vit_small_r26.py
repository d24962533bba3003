"""ViT-S/32 on a ResNet-26 stem (Steiner et al. 2021, augreg, ImageNet-21k), the seed team's best single model.

A recipe of the home competition, with the values that the seed team used.
Expected: the team's blend of `efficientnetv2_rw_t`, `resnet34` and `vit_small_r26` had macro F1 0.7377 on the private
leaderboard. This recipe alone is not measured yet on real photos. In `make demo`, with the settings of the demo (drawn
faces, 32 px), the model has macro F1 0.688 out of fold and 0.775 on the demo's leaderboard.
Hardware: one GPU of 6 GB; about 2 minutes an epoch on a T4.   Command: make train MODEL=vit_small_r26
"""

from comp.recipes.recipe_settings import Recipe

RECIPE = Recipe(
    model="vit_small_r26_s32_224.augreg_in21k",  # 21k weights, which know more kinds of people than 1k weights
    image_size=224,         # the size of its position embedding
    crop=350,               # a centre crop keeps the face and cuts most of the background of 384 × 512
    mean=(0.548, 0.504, 0.479),  # of these photos, not of ImageNet
    std=(0.237, 0.247, 0.246),
    augment="none",         # mixing augments instead
    loss="cross_entropy",
    smoothing=0.1,          # 59 and 60 look alike, so no model should be certain about age
    mixup=0.35,
    cutmix=0.35,            # a transformer can be mixed more than a convolutional model
    mix_alpha=1.0,          # lambda uniform on 0 … 1
    optimizer="sgd",        # the fine-tuning optimizer of the ViT paper
    momentum=0.9,
    lr=1e-3,                # small, since pretrained attention diverges at SGD's usual 0.03
    weight_decay=5e-4,
    batch_size=64,
    accumulate=2,           # steps of 128 images
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
