"""Named recipes, one per file. The file's name is the recipe's name. Yours is a new file with a docstring and a RECIPE.

"The home competition" in these files is the one for which this toolkit was first written, with 18 classes of
faces by mask, gender and age (comp/inputs/mask_gender_age.py). "The seed team" is the team with whose project it began.
"""
