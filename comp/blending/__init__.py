"""From out-of-fold predictions to one answer: weights, decision rules, cross-fitting, confidence intervals.

Change here how runs are combined, how probabilities become answers and what is reported about it.
"""
