"""timm models with the head that the competition's target needs, and the weights of these models.

Change here how a model is built, where pretrained weights come from and how weights are stored.
"""
