"""The report of the runs and the blend: what it reads, its sections, and the gallery of mistakes.

Change here what the report shows. A section is a function in a module `section_*.py`, listed in sections.py.
"""
