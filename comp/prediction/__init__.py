"""Probabilities of photos from trained models, with test-time augmentation (TTA).

Change here the TTA views and how folds are predicted.
"""
