"""This package makes, checks and keeps submission.csv, the file to upload.

It also combines submissions by vote, notes leaderboard scores, and prints scores and the status of all files.

Change this package to change how answers are written, read and checked, or what `make status`, `make scores` and
`make lb` print.
"""
