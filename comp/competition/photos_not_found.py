"""What is said where a template finds no photo: what was tried, what lies there, archives that are still packed."""

import os
import shlex
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

from comp.competition import template
from comp.errors import InputError, listed

TRIED = 3  # paths that are shown
ARCHIVES = (".zip", ".7z", ".tar", ".tar.gz", ".tgz", ".rar")
LOOKED_AT = 1000  # entries of a folder


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
    folder = os.path.commonpath([path.rpartition("/")[0] for path in tried]) if tried[0][:1] != "/" else ""
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
    kinds = Counter(Path(name).suffix.lower() for name in _names(place))
    if not kinds:
        return f"\n{place} is empty or not there"
    return f"\n{place} has " + ", ".join(f"{count} {kind or 'folders'}" for kind, count in kinds.most_common(5))


def _names(folder: Path) -> list[str]:
    """The first entries of a folder, without hidden ones."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [entry.name for entry, _ in zip(entries, range(LOOKED_AT), strict=False) if entry.name[0] != "."]


def unpack_command(inputs: Path, folder: str = "") -> str:
    """The command that unpacks the archive that the folder is probably in; "" where no archive lies there."""
    places = [inputs, *(inputs / "/".join(folder.split("/")[:n]) for n in range(1, folder.count("/") + 2) if folder)]
    found = [place / name for place in places for name in sorted(_names(place)) if name.lower().endswith(ARCHIVES)]
    parts = folder.split("/")
    # first the archive that is called like one of the folders, then any
    found.sort(key=lambda path: path.name.partition(".")[0] not in parts)
    return _command(found[0]) if found else ""


def _command(archive: Path) -> str:
    name, parent = shlex.quote(str(archive)), archive.parent
    stem = archive.name.partition(".")[0]
    into = shlex.quote(str(parent if _has_folder(archive, stem) else parent / stem))
    if archive.name.lower().endswith(".zip"):
        return f"unzip -q {name} -d {into}"
    if archive.name.lower().endswith(".7z"):
        return f"7z x {name} -o{shlex.quote(str(parent))}"
    if archive.name.lower().endswith(".rar"):
        return f"unrar x {name} {shlex.quote(str(parent))}/"
    return f"mkdir -p {into} && tar -xf {name} -C {into}"


def _has_folder(archive: Path, stem: str) -> bool:
    """Whether the archive's files lie in a folder of its own name; a 7z cannot be looked into, it usually has one."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                return any(name.startswith(f"{stem}/") for name in file.namelist()[:LOOKED_AT])
        with tarfile.open(archive) as file:
            first = file.next()
            return first is not None and first.name.removeprefix("./").startswith(stem)
    except (OSError, tarfile.TarError, zipfile.BadZipFile):
        return False
