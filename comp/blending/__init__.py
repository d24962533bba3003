"""Blend the predictions of many runs into one prediction, compare runs, and compute the 95 % intervals of scores.

Change this package to change how blend weights are fitted or how the blend is chosen.
"""
