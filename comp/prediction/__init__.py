"""Predict photos with trained models, compute features of photos, and show with Grad-CAM where models look.

Change this package to change which variants of a photo test-time augmentation (TTA) uses, how the folds of a run are
predicted, or how the features of a frozen model are computed and saved.
"""
