"""What is said where a template finds no photo: what was tried, what lies there, archives that are still packed."""

from collections import Counter
from pathlib import Path

from comp.competition.layout import template
from comp.competition.layout.archives import first_names, unpack_command
from comp.errors import InputError, listed

TRIED = 3  # paths that are shown


def none_matches(inputs: Path, path_template: str, key: str) -> InputError:
    """No photo at all matches a template whose photos are listed."""
    folder = template.literal_folder(path_template)
    return InputError(
        f'{key} = "{path_template}" matches no photo in {inputs}{_what_lies_in(inputs, folder)}',
        "photos at such paths, relative to the inputs folder",
        unpack_command(inputs, folder) or f"edit {key} in competition.toml",
    )


def of_rows(inputs: Path, tried: list[str], names: list[str], rows: int, file: str, key: str) -> InputError:
    """Rows of a table without a photo. tried: their paths; names: what each is called; rows: how many the table has."""
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
    """What a user finds in the deepest folder of the path that is there."""
    place = inputs / folder
    while not place.is_dir() and place not in (inputs, place.parent):
        place = place.parent
    kinds = Counter(Path(name).suffix.lower() for name in first_names(place))
    if not kinds:
        return f"\n{place} is empty or not there"
    return f"\n{place} has " + ", ".join(f"{count} {kind or 'folders'}" for kind, count in kinds.most_common(5))
