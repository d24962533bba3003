"""Metrics: what a metric is (metric.py), the formulas (formulas.py), the built-in ones by name (named_metrics.py).

Add your own in user_metrics.py. Nothing in this room depends on a competition.
"""
