"""Metrics: the score of predictions, what each metric needs, and which direction is better.

Add your own in user_metrics.py. Nothing in this room knows a competition.
"""
