"""Predictions of trained models for photos, with test-time augmentation (TTA), Grad-CAM, and frozen features.

Change here the TTA views, how folds are predicted, and how features of a frozen model are computed and stored.
"""
