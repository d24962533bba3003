"""The files in outputs/: their paths and checks, folds.csv, predictions, runs.

Change here what is stored, where it is stored, and which files are refused.
"""
