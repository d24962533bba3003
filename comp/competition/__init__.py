"""What is predicted: the Competition value, competition.toml, the labels, and the home competition.

Change here which keys competition.toml may have. Only home.py knows a particular competition.
"""
