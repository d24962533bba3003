"""Choose the device and a number format that is fast on it, and train one model in several processes.

Change here the number formats, the memory layouts, the advice when memory runs out, and the distributed training.
"""
