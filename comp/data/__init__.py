"""Read photos, make folds, find leaks between folds, augment photos and make batches.

Edit this package to change how a photo becomes the pixels that a model sees, or which rows are used for training, for
scoring and for prediction.
"""
