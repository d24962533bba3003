"""Fit scikit-learn classifiers to photo embeddings, columns of the competition's tables, or predictions of other runs.

Change this package to change which classifiers exist, how their settings are chosen, or how runs are stacked.
"""
