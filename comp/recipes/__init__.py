"""The settings of a run: their defaults and limits, recipe.json, and one file for each named recipe.

Change here a setting, its default or its check. Add recipes in `named/`.
"""
