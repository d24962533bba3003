"""Predict photos with trained models, compute features of photos, and show with Grad-CAM where models look.

Change this package to change the views of test-time augmentation (TTA), how folds are predicted, or how the features of
a frozen model are computed and stored.
"""
