"""This folder contains the metrics. Add your own metrics in user_metrics.py.

metric.py defines the class Metric, formulas.py has the formulas, and named_metrics.py lists the built-in metrics. No
module in this folder reads the settings or the data of a competition.
"""
