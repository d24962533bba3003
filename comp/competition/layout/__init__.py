"""How a competition's files lie on disk: tables, templates of photo paths, COCO JSON, the sample submission.

Change here which layouts can be read.
"""
