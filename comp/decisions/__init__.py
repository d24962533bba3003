"""Decision rules: they turn probabilities into the answers with the best score. Exact searches fit them.

Change here which rules a metric has, and how they are fitted.
"""
