"""Build timm models whose outputs fit the competition's target, and save and load their weights.

The modules of this package decide how a model is built, where its pretrained weights come from and how its weights are
saved.
"""
