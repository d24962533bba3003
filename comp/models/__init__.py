"""Build timm models with the head that the competition's target needs, and load and store their weights.

Change here how a model is built, where pretrained weights come from and how weights are stored.
"""
