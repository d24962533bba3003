"""One row of the table of competitions: how its files look, the competition.toml that fits, and what is demanded."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """A competition's layout in small.

    toml: the text of competition.toml, empty where none is needed; draw(folder) fills a folder with photos and tables;
    check(folder, submission): AssertionError where the submission is not what the competition demands.
    """

    number: int
    name: str
    toml: str
    draw: Callable[[Path], None]
    check: Callable[[Path, Path], None]

    def __str__(self) -> str:
        return f"{self.number:02d}-{self.name}"

    def write(self, folder: Path) -> Path:
        """Draw into `folder`, with its competition.toml; returns the folder."""
        self.draw(folder)
        if self.toml:
            (folder / "competition.toml").write_text(self.toml, encoding="utf-8")
        return folder
