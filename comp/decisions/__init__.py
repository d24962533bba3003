"""Decision rules turn probabilities into the answers with the best score.

The list of rules is in decision.py; each other module is one way to decide, or what it needs.
"""
