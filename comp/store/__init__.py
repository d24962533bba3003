"""The files in outputs/: their paths, the runs, folds.csv, predictions, and records of what each file was made of.

Change here what is stored, where it is stored, and which files are refused as stale or damaged.
"""
