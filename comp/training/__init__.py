"""Train the models of a run: `make train`, the training loop, losses, mixing of photos, optimizers and pseudo-labels.

The modules of this package decide how a model learns.
"""
