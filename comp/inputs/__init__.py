"""Read the files of a competition: its tables (CSV or COCO JSON), its sample submission, and the paths of its photos.

The modules guess_*.py guess a competition.toml for `make init`. The other modules read the files that this file
describes. If a layout of files cannot be guessed or read, change these modules. Only mask_gender_age.py is about one
particular competition.
"""
