"""Photos and rows: decoding, the photo cache, folds and leaks, augmentation, batches.

Change here how a photo becomes input pixels, and which rows are used for training, scoring and prediction.
"""
