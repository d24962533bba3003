"""Write, read and check the files in outputs/, such as folds.csv, the predictions and the blend.

Change this package to change what is stored, where it is stored, and which files are refused because they are damaged
or out of date.
"""
