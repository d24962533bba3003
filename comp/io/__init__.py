"""Safe file writing, checksums, locks, arrays, and CSV tables from any program.

Change here how files are read and written safely. Nothing in this room knows the meaning of the files.
"""
