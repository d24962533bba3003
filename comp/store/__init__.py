"""What lies in outputs/: the paths and checks of every artifact, the runs and the submissions.

Change here what is stored, where, and what is refused when it is loaded.
"""
