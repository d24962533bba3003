"""One file per recipe; the file's name is the recipe's. Add yours here: a docstring and a RECIPE."""
