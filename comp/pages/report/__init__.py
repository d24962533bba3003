"""Write the report of the runs and the blend.

report_data.py reads the data of the report, and report.py has the list of its sections. Change this package to change
what the report shows. Most of the other modules have a function `section`, which makes a section of the report.
"""
