"""scikit-learn classifiers on embeddings, on columns of the tables, and on predictions of other runs.

Change here which classifiers there are, how their settings are chosen, and how runs are stacked.
"""
