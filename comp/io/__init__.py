"""Files that are whole or not there, checksums, locks, and CSV tables as other programs write them.

Change here how anything is written or read safely. Nothing in this room knows what the files mean.
"""
