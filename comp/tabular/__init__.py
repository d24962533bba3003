"""Fit scikit-learn classifiers to embeddings, to columns of the tables, and to predictions of other runs.

Change here which classifiers exist, how their settings are chosen, and how runs are stacked.
"""
