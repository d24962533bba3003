"""One prediction from many runs: blend methods, nested cross-validation, confidence intervals and the report.

Change here how weights are fitted and which blend is chosen.
"""
