"""Which device, what it does fast, and several processes on one training.

Change here number formats, memory layouts, out-of-memory advice and distributed training.
"""
