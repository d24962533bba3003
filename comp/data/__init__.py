"""Photos and rows: decoding, the photo cache, folds and leaks, augmentation, batches.

Change here what a model sees of a photo, and which rows it trains on, is scored on and predicts.
"""
