"""The file to upload: the sample submission with its answers filled in, checked; votes; what was submitted before.

Change here the forms that an answer may have.
"""
