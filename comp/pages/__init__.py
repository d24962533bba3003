"""Write the HTML pages: the audit of the input data, the table of all runs, and the report (in `report/`).

The package also draws the figures and thumbnails, and has the Jinja templates of the pages. Change this package to
change how pages look. A page is one HTML file that contains its styles, scripts, figures and photos, so it opens
without a network. The package does not import torch.
"""
