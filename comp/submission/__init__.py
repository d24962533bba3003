"""The file to upload: the sample submission with answers filled in and checked; votes; earlier submissions.

Change here how answers are written, read and checked.
"""
