"""How `make init` guesses the lines of competition.toml from the files in a folder, with a reason for each.

Change here which file layouts and targets it recognises.
"""
