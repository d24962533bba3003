"""HTML pages: their shell, figures and thumbnails; the audit of the input, the board of all runs. No torch.

The report is in `report/`. Change here how pages look and what they may load. A page is one file that opens without a
network: everything is inside it.
"""
