"""This folder contains the decision rules, which turn predicted probabilities into classes, labels or grades.

decision.py lists the rules. Each of the other modules contains one kind of rule, or code that a rule needs.
"""
