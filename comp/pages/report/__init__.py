"""The report of the runs and the blend: what it reads, its sections, and the gallery of mistakes.

Change here what the report shows. Each section is a function in a module of its own, listed in report.py.
"""
