"""Packages that only one export needs; they are installed by an extra of pyproject.toml."""

import importlib.util

from comp.errors import InputError


def check_installed(package: str, extra: str) -> None:
    """Raise InputError with the command that installs the extra, unless the package is there."""
    if importlib.util.find_spec(package) is None:
        raise InputError(
            f"the package {package} is not installed",
            f"the extra {extra}, which make setup leaves out",
            f'.venv/bin/python -m pip install -e ".[{extra}]"',
        )
