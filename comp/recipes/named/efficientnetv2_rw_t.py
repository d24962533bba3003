"""EfficientNetV2-T, the tiny variant in timm (Tan & Le 2021; variant by Wightman).

This recipe is for the competition that this toolkit was first written for: 18 classes of faces, by mask, gender and
age. The settings are those of a course team, from whose project this toolkit began.
Expected score: unknown for this model alone; not measured on real photos yet. The team's blend of
`efficientnetv2_rw_t`, `resnet34` and `vit_small_r26` had macro F1 0.7377 on the private leaderboard. In `make demo`,
which trains this model without pretrained weights and with other settings on drawn faces of 40 px, macro F1 is 0.691
out of fold and 0.829 on the demo's leaderboard.
Hardware: one GPU of 12 GB; an epoch takes about 4 minutes on a T4.   Command: make train MODEL=efficientnetv2_rw_t
"""

from comp.recipes.recipe_settings import Recipe

RECIPE = Recipe(
    model="efficientnetv2_rw_t",  # the best of its family when the team compared models, better than b0 to b7
    image_size=224,         # the size in pretraining
    crop=350,               # a centre crop keeps the face, and cuts off most of the background of photos of 384 × 512
    mean=(0.548, 0.504, 0.479),  # of the photos of this competition, not of ImageNet
    std=(0.237, 0.247, 0.246),
    augment="none",         # mixing takes the place of augmentation
    head="classes",         # the team predicted the 18 classes, not the three attributes
    loss="cross_entropy",
    smoothing=0.0,
    class_weights="balanced",  # a class weighs 1 / its share, because each class matters equally for macro F1
    mixup=0.5,              # but no cutmix, because a pasted mouth makes the mask label wrong
    mix_alpha=1.0,          # lambda is uniform between 0 and 1
    optimizer="adam",
    lr=2.5e-4,              # batch norms and depthwise layers allow a higher lr than for resnet34
    weight_decay=5e-4,      # an L2 penalty in the loss, as in Adam, not decoupled
    batch_size=128,
    accumulate=2,           # steps of 256 images
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
