"""The library that the scripts in tools/ use. No module of the library reads the command line.

A module imports only from its own folder and from more general folders. pyproject.toml lists the folders, the most
special first.
"""

__version__ = "0.1.0"
