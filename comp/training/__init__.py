"""The training loop and its parts: losses, mixing, optimizer, the best epochs, the resume file.

Change here how a model learns.
"""
