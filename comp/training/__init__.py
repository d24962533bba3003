"""Train the models of a run: the stage `make train`, the training loop, losses, mixing, optimizers and pseudo-labels.

Change here how a model learns.
"""
