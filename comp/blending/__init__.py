"""One prediction from many runs: blend methods, nested cross-validation, intervals, report; comparison of runs.

Change here how weights are fitted and which blend is chosen.
"""
