"""One file per recipe; the file's name is the recipe's name. Add yours here: a docstring and a RECIPE.

"The home competition" in these files is the one this toolkit was first written for: 18 classes of faces, by mask,
gender and age (comp/inputs/mask_gender_age.py). "The seed team" is the team whose project the toolkit began from.
"""
