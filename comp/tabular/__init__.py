"""scikit-learn classifiers on rows of numbers: embeddings, columns of the tables, and predictions of other runs.

Change here which classifiers there are, how their settings are chosen, and how runs are stacked.
"""
