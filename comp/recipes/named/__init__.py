"""The named recipes. Each file holds one recipe, and the name of the file is the name of the recipe.

To add a recipe, add a file with a docstring and a RECIPE. "The home competition" in these files is the competition that
this toolkit was first written for: 18 classes of faces, by mask, gender and age (comp/inputs/mask_gender_age.py). "The
seed team" is the course team whose project this toolkit began from.
"""
