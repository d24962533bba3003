"""The file to upload: answers in the form of the sample, checks, votes; status, leaderboard scores.

Change here how answers are written, read and checked, and what `make status`, `make scores` and `make lb` print.
"""
