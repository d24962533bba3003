"""This package makes, checks and keeps the file to upload. It also has votes, leaderboard scores and the status.

Change this package to change how answers are written, read and checked, or what `make status`, `make scores` and
`make lb` print.
"""
