"""Which device, what it does fast, and several processes on one training.

Change here number formats, memory layouts, the advice when memory runs out, and distributed training.
"""
