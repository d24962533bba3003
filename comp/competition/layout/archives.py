"""Archives that were not unpacked, and the command that unpacks them."""

import os
import shlex
import tarfile
import zipfile
from pathlib import Path

ENDS = (".zip", ".7z", ".tar", ".tar.gz", ".tgz", ".rar")
LOOKED_AT = 1000  # entries of a folder, at most


def first_names(folder: Path) -> list[str]:
    """The first entries of a folder, without hidden ones; [] if there is no such folder."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [entry.name for entry, _ in zip(entries, range(LOOKED_AT), strict=False) if entry.name[0] != "."]


def unpack_command(inputs: Path, wanted: str = "") -> str:
    """The command that unpacks the archive that probably holds a missing file or folder; "" if there is no archive.

    wanted: its path relative to inputs. Archives are searched in each folder of that path. One of the same name is
    preferred: train.zip for train/1.jpg.
    """
    parts = wanted.split("/") if wanted else []
    places = [inputs / "/".join(parts[:n]) for n in range(len(parts) + 1)]
    found = [place / name for place in places for name in first_names(place) if name.lower().endswith(ENDS)]
    if not found:
        return ""
    archive = min(found, key=lambda path: (not path.name.startswith(tuple(f"{part}." for part in parts)),
                                           len(path.name), path.name))  # fmt: skip
    return _command(archive, parts)


def _command(archive: Path, parts: list[str]) -> str:
    end, name, parent = archive.name.lower(), shlex.quote(str(archive)), shlex.quote(str(archive.parent))
    if end.endswith(".7z"):
        return f"7z x {name} -o{parent}"
    if end.endswith(".rar"):
        return f"unrar x {name} {parent}/"
    into = parent if _has_one_of(archive, parts) else shlex.quote(str(archive.parent / archive.name.partition(".")[0]))
    if end.endswith(".zip"):
        return f"unzip -q {name} -d {into}"
    return f"mkdir -p {into} && tar -xf {name} -C {into}"


def _has_one_of(archive: Path, parts: list[str]) -> bool:
    """Whether the archive contains the wanted folders. If not, it is unpacked into a folder of its own name."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                names = file.namelist()
        else:
            with tarfile.open(archive) as file:
                first = file.next()
                names = [first.name.removeprefix("./")] if first else []
    except (OSError, tarfile.TarError, zipfile.BadZipFile):
        return True
    return any(name.partition("/")[0] in parts if parts else "/" in name for name in names)
