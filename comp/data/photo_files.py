"""Read the file of a photo, or say why it cannot be read. No torch."""

import os
import stat
from pathlib import Path


def read_bytes(path: Path) -> bytes:
    """The bytes of the file. Raises ValueError with the reason if it is not a file or cannot be opened."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            return Path(path).read_bytes()
    except FileNotFoundError:
        raise ValueError("a broken symbolic link" if os.path.islink(path) else "no such file") from None
    except (OSError, ValueError) as error:  # a name with a NUL byte is a ValueError
        raise ValueError(getattr(error, "strerror", None) or str(error)) from None
    raise ValueError("a folder, not a file" if stat.S_ISDIR(mode) else "a pipe, socket or device, not a file")
