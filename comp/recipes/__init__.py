"""The recipes of runs. A recipe is the set of all settings of a run, such as its model, its loss and its epochs.

recipe_settings.py has all settings with their defaults and checks. recipe_json.py writes and reads the recipe.json of a
run. Each file in named/ is a named recipe; to add a recipe, add a file there.
"""
