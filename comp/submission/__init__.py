"""Make, check and keep submission.csv, the file to upload.

This package also combines submissions by vote, saves leaderboard scores, and prints scores and the state of all runs.
Change this package to change how answers are written, read and checked, or what `make status`, `make scores` and `make
lb` print.
"""
