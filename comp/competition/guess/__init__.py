"""What `make init` guesses from a folder of files, with a reason beside each guess.

Change here what is recognised.
"""
