"""The library behind the scripts in tools/. Only the scripts read the command line, never the library.

The modules are in layers: a module imports only from its own folder and from folders of lower layers. pyproject.toml
lists the layers, the top layer first.
"""

__version__ = "0.1.0"
