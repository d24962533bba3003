"""Write the page of `make report`, which shows the results of all runs and of the blend.

report_data.py reads the data of the report, and report.py lists the sections of the page. Most of the other modules
have a function `section`, which makes one section. Change this package to change what the report shows.
"""
