"""HTML pages that open offline: their shell, figures, thumbnails and templates. The report is in `report/`.

The audit of the input is made of eda*.py, the board of all runs of board*.py. Change here how pages look and what they
may load. A page has no network access: everything is inside the file.
"""
