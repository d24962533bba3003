"""Choose the device and a number format that is fast on it, and train one model in several processes.

Edit this package to change the number formats, the memory layouts, the advice when memory runs out, or the training in
several processes.
"""
