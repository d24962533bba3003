"""The library behind tools/: knows nothing of argv; imports go from the general to the particular."""

__version__ = "0.1.0"
