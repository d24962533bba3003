"""ViT-S/32 on a ResNet-26 stem (Steiner et al. 2021; pretrained with augreg on ImageNet-21k).

This recipe is for the competition that this toolkit was first written for: 18 classes of faces, by mask, gender and
age. The settings are those of a course team, from whose project this toolkit began. This model was the best single
model of the team.
Expected score: unknown for this model alone; not measured on real photos yet. The team's blend of
`efficientnetv2_rw_t`, `resnet34` and `vit_small_r26` had macro F1 0.7377 on the private leaderboard. In `make demo`,
which trains this model without pretrained weights and with other settings on drawn faces of 32 px, macro F1 is 0.688
out of fold and 0.775 on the demo's leaderboard.
Hardware: one GPU of 6 GB; an epoch takes about 2 minutes on a T4.   Command: make train MODEL=vit_small_r26
"""

from comp.recipes.recipe_settings import Recipe

RECIPE = Recipe(
    model="vit_small_r26_s32_224.augreg_in21k",  # ImageNet-21k has more kinds of people than ImageNet-1k
    image_size=224,         # the size that its position embedding is for
    crop=350,               # a centre crop keeps the face, and cuts off most of the background of photos of 384 × 512
    mean=(0.548, 0.504, 0.479),  # of the photos of this competition, not of ImageNet
    std=(0.237, 0.247, 0.246),
    augment="none",         # mixing takes the place of augmentation
    head="classes",         # the team predicted the 18 classes, not the three attributes
    loss="cross_entropy",
    smoothing=0.1,          # 59 and 60 look alike, so no model should be certain about age
    mixup=0.35,
    cutmix=0.35,            # a transformer can be mixed more than a convolutional model
    mix_alpha=1.0,          # lambda is uniform between 0 and 1
    optimizer="sgd",        # the fine-tuning optimizer of the ViT paper
    momentum=0.9,
    lr=1e-3,                # small, because pretrained attention diverges with 0.03, which is usual for SGD
    weight_decay=5e-4,
    batch_size=64,
    accumulate=2,           # steps of 128 images
    schedule="step",
    step_epochs=20,         # lr is halved every 20 epochs
    step_factor=0.5,
    epochs=60,              # an upper bound, since early stopping ends the training
    patience=5,             # epochs without a better macro F1
    best_by="metric",       # the epoch with the best macro F1 is kept, as the team did
    warmup_epochs=0.0,      # the team used no warm-up, no clipping and no averaged weights
    clip_grad=0.0,
    ema_decay=0.0,
    sampler="shuffle",
    soften="",              # the team did not soften labels
    tta="hflip",
)
