"""Metrics: their functions, the kind of predictions that each one takes, and whether higher or lower is better.

Add your own in user_metrics.py. Nothing in this room depends on a competition.
"""
