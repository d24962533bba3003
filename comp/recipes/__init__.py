"""What a run is trained with: the settings, how they are parsed and checked, one file per named recipe.

Change here a setting, its default or its check; add recipes in `named/`.
"""
