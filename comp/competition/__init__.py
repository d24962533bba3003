"""What is predicted: the Competition value, the keys of competition.toml, labels, and what a recipe does to labels.

Change here which keys competition.toml may have. comp/inputs/ opens the tables and lists the photos; no module of this
room does.
"""
