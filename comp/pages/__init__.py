"""HTML pages that open offline: their shell, figures, thumbnails and templates. The report is in `report/`.

The input audit is made of eda_*.py, the run board of board_*.py. Change here how pages look and what they may load. A
page has no network access: everything is inside the file.
"""
