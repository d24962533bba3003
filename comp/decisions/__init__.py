"""Turn probabilities into answers by decision rules, which aim at the best score.

The list of rules is in decision.py. Each of the other modules holds one kind of rule, or code that a rule needs.
"""
