"""The tools that results can be exported to: their names, and the module of each."""

import importlib
from types import ModuleType

from comp.errors import InputError

TOOLS = ("tensorboard", "mlflow", "fiftyone")


def module_of(name: str) -> ModuleType:
    """The module with the tool's `export`. InputError for an unknown tool, and where its package is not installed."""
    if name not in TOOLS:
        found = f"TO={name}" if name else "no TO"
        raise InputError(found, f"one of {', '.join(TOOLS)}", f"make export TO={TOOLS[0]}")
    made = importlib.import_module(f"comp.export.{name}_export")
    made.check()
    return made
