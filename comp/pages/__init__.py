"""Write the HTML pages: the audit of the input, the board of all runs, and the report (in `report/`).

The package also has the figures, thumbnails and templates of the pages. Change this package to change how pages look. A
page is one file with its styles, scripts, figures and photos inside, so it opens without a network. The package does
not import torch.
"""
