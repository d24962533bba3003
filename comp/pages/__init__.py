"""This package writes HTML pages: the audit of the input, the board of all runs, and in `report/` the report.

It also has the figures, thumbnails and templates of the pages. Change this package to change how pages look and what
they may load. A page is one file with everything inside it, so it opens without a network. The package does not use
torch.
"""
