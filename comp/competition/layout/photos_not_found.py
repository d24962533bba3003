"""The errors for photos that are not found: the paths that were tried, the files there, archives to unpack."""

from collections import Counter
from pathlib import Path

from comp.competition.layout import template
from comp.competition.layout.archives import first_names, unpack_command
from comp.errors import InputError, listed

TRIED = 3  # paths to show


def none_matches(inputs: Path, path_template: str, key: str) -> InputError:
    """The error if no photo at all matches the template."""
    folder = template.literal_folder(path_template)
    return InputError(
        f'{key} = "{path_template}" matches no photo in {inputs}{_what_lies_in(inputs, folder)}',
        "photos at such paths, relative to the inputs folder",
        unpack_command(inputs, folder) or f"edit {key} in competition.toml",
    )


def of_rows(inputs: Path, tried: list[str], names: list[str], rows: int, file: str, key: str) -> InputError:
    """The error for rows without a photo. tried: their paths; names: their names; rows: how many rows the table has."""
    shown = [f"{name}: no {path}" for name, path in zip(names[:TRIED], tried[:TRIED], strict=True)]
    more = [f"… and {len(tried) - TRIED} more"] if len(tried) > TRIED else []
    folder = tried[0].rpartition("/")[0]
    edit = f"edit {key} in competition.toml" if len(tried) == rows else f"delete those rows of {file}, or edit {key}"
    return InputError(
        f"{len(tried)} of {rows} rows of {file} have no photo:{listed(shown + more)}{_what_lies_in(inputs, folder)}",
        f"a photo in {inputs} for each row, by {key}",
        unpack_command(inputs, folder) or edit,
    )


def _what_lies_in(inputs: Path, folder: str) -> str:
    """What files are in the deepest existing folder of the path."""
    place = inputs / folder
    while not place.is_dir() and place not in (inputs, place.parent):
        place = place.parent
    kinds = Counter(Path(name).suffix.lower() for name in first_names(place))
    if not kinds:
        return f"\n{place} is empty or missing"
    return f"\n{place} has " + ", ".join(f"{count} {kind or 'folders'}" for kind, count in kinds.most_common(5))
