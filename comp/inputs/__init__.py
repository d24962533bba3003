"""How the files of a competition are read: its tables, the paths of its photos, COCO JSON, the sample submission.

guess_*.py write a competition.toml for `make init`. Change here which layouts of files can be read and guessed. Only
mask_gender_age.py knows a particular competition.
"""
