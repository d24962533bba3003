"""The metrics. metric.py has the class Metric, formulas.py the formulas, and named_metrics.py the built-in metrics.

Add your own metrics in user_metrics.py. No module in this folder depends on a competition.
"""
