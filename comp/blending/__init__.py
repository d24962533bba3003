"""One prediction from many runs: methods that fit weights, the choice among them, comparison of runs."""
