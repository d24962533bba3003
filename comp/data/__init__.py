"""This package reads photos, makes folds and finds leaks. It also augments photos and makes batches.

Change this package to change how a photo becomes input pixels, or which rows are used for training, scoring and
prediction.
"""
