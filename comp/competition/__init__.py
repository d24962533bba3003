"""What is predicted and how it is scored: the Competition value, the tables and file layouts, the metrics.

Change here how a competition is described or recognised, and add metrics. No other room knows a competition by name.
"""
