"""Describe a competition: its target, classes, metrics and labels, and the keys of competition.toml.

Some modules also change the labels of training rows, as the settings of a recipe say. To add a key to competition.toml,
edit competition_toml.py. No module in this folder opens tables or lists photos; the modules in comp/inputs/ do.
"""
