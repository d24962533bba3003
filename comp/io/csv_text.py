"""The text of a CSV file, decoded and split into records with their line numbers."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from comp.io.csv_format import BOM, CHUNK, begins_with_header, encoding_of, header, is_blank, separator_of

LARGEST_MB = 2000


class CsvText:
    """A CSV file with its encoding, separator and column names."""

    def __init__(self, path: Path, columns: Sequence[str] = ()):
        data = path.read_bytes()
        self.path, self.encoding = path, encoding_of(data)
        self.zeros = b"\0" in data and not self.encoding.startswith(("utf-16", "utf-32"))
        with self.opened() as file:
            start = file.read(CHUNK)
        self.separator = separator_of(start, columns)
        self.names = header(start, self.separator)
        self.plain = begins_with_header(start, self.separator)

    def opened(self):
        """The text file without its byte-order mark."""
        file = open(self.path, encoding=self.encoding, newline="")  # noqa: SIM115  the caller closes it
        if file.read(1) != BOM:
            file.seek(0)
        return file

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield first line and fields of each record, with the header and without blank records."""
        csv.field_size_limit(CHUNK * LARGEST_MB)  # the module's own limit is 128 kB, pandas has none
        with self.opened() as file:
            reader, line = csv.reader(file, delimiter=self.separator), 1
            for record in reader:
                if not is_blank(record):
                    yield line, record
                line = reader.line_num + 1


def header_of(path: Path) -> list[str]:
    """The column names of a file; [] if it cannot be read."""
    try:
        return CsvText(Path(path)).names
    except OSError:
        return []
