"""The report of the runs and the blend. report_data.py reads its data, and report.py has the list of its sections.

Change this package to change what the report shows. Each of the other modules has a function `section`, which makes a
section.
"""
