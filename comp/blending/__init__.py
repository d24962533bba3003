"""This folder blends the predictions of many runs into one, compares runs, and computes 95 % intervals of scores.

To change how blend weights are fitted, see methods.py. To change how the blend is chosen, see choice.py.
"""
