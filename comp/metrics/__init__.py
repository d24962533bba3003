"""Metrics: the class Metric (metric.py), the formulas (formulas.py) and the built-in metrics (named_metrics.py).

Add your own metrics in user_metrics.py. Nothing in this folder depends on a competition.
"""
