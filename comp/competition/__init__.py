"""What is predicted: the Competition value, the keys of competition.toml, labels, and label policies.

Change here which keys competition.toml may have. Nothing in this room opens the competition's files.
"""
