"""This package makes one prediction from many runs and compares runs. It also computes intervals of scores.

Change this package to change how weights are fitted or how the blend is chosen.
"""
