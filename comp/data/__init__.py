"""Read photos and rows: decode and cache photos, make folds, find leaks, augment photos, and make batches.

Change here how a photo becomes input pixels, and which rows are used for training, scoring and prediction.
"""
