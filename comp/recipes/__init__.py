"""The settings of a run: their defaults, how they are parsed and checked, and one file per named recipe.

Change here a setting, its default or its check. Add recipes in `named/`.
"""
