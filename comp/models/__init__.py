"""timm models with the head that the target needs, and their weights.

Change here how a model is built, where pretrained weights come from and how weights are stored.
"""
