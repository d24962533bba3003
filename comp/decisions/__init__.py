"""Decision rules: how probabilities become answers that score best, and the exact searches that fit them.

Change here the rules of a metric, and how they are fitted.
"""
