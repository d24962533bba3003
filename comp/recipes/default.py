"""Any timm model by its own name: `make train MODEL=swin_base_patch4_window7_224`.

AdamW with warm-up and cosine is what timm's own fine-tuning uses for convolutions and transformers alike; it is the
choice that is never far from the best. Measure, then write a recipe of your own beside this file.
"""

from comp.recipes import Recipe

RECIPE = Recipe(
    optimizer="adamw",
    lr=3e-4,             # AdamW's usual for fine-tuning at batch 64, safe for ViTs and convolutions
    weight_decay=0.05,   # decoupled; the value of ConvNeXt, Swin and DeiT
    schedule="cosine",
    warmup_epochs=1.0,   # transformers diverge without
    clip_grad=1.0,       # keeps one bad batch from undoing an epoch
    batch_size=64,
    epochs=12,           # 18,900 faces, pretrained: enough, and an evening on one GPU for five folds
    smoothing=0.1,       # 59 and 60 look alike: certainty is never right
    augment="flip",      # a mirrored face is a face
    cutmix=0.0,
)
