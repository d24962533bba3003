"""The named recipes. Each file holds one recipe, and the name of the file is the name of the recipe.

To add a recipe, add a file with a docstring and a RECIPE. Several recipes are for the competition that this toolkit was
first written for: 18 classes of faces, by mask, gender and age (comp/inputs/mask_gender_age.py). "The seed team" or
"the team" is the course team from whose project in that competition this toolkit began.
"""
