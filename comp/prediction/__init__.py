"""Probabilities of photos from trained models, with test-time augmentation (TTA); Grad-CAM; frozen features.

Change here the TTA views, how folds are predicted, and how features of a frozen model are computed and kept.
"""
