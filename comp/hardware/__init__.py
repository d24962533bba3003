"""Choose the device and the number formats that it computes fast, and run one training in several processes.

Change here number formats, memory layouts, the advice when memory runs out, and distributed training.
"""
