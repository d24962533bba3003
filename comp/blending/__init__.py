"""One prediction from many runs: blend methods, cross-fitting, confidence intervals, and what is reported.

Change here how weights are fitted and which blend is chosen.
"""
