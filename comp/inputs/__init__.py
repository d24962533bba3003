"""Read the files of a competition: its tables (CSV or COCO JSON), its sample submission, and the paths of its photos.

competition.toml is the file that describes a competition. `make init` writes a first version of this file; the modules
guess_*.py guess its content. The other modules read the tables and the photo paths that competition.toml names. Only
mask_gender_age.py is about one particular competition, which needs no competition.toml.
"""
