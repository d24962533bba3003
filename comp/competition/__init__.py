"""What is predicted: the Competition value, the keys of competition.toml, labels, and the label settings of a recipe.

Change here which keys competition.toml may have. Only comp/inputs/ opens tables and lists photos; no module in this
folder does.
"""
