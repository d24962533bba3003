"""Training: the stage, the loop, losses, mixing, optimizers, the best epochs, the resume file, pseudo-labels.

Change here how a model learns.
"""
