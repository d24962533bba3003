"""Embeddings: features of all photos from a frozen timm model, computed once and kept in outputs/cache.

Change here how features are computed and kept. The classifiers on them are in comp/tabular.
"""
