"""What is predicted: the Competition value, competition.toml, the labels, and the home competition.

Change here what a competition.toml may say. No other room knows a competition by name.
"""
