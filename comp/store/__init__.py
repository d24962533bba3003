"""What lies in outputs/: the paths and checks of every artifact, folds.csv, predictions, runs.

Change here what is stored, where, and what is refused when it is loaded.
"""
