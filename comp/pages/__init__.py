"""HTML pages that open offline: their shell, figures, thumbnails and templates. The report is in `report/`.

Change here how pages look and what they may load. A page has no network access: everything is inside the file.
"""
