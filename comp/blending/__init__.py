"""One prediction from many runs: blend methods, the choice among them, intervals, the comparison of runs.

Change here how weights are fitted and how the blend is chosen.
"""
