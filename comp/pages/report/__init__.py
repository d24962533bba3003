"""The report of the runs and the blend: what it reads (report_data.py), its sections, and their list (report.py).

Change here what the report shows. A section is a function named `section` in a module of its own.
"""
