"""How the files of a competition are laid out on disk: tables, photo paths, COCO JSON, the sample submission.

Change here which file layouts can be read.
"""
