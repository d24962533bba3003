"""Recognise tables that are not CSV files, such as Excel and Parquet files, and say how to convert them to CSV."""

from pathlib import Path

from comp.errors import InputError, quoted

OTHER_TABLES = (".xlsx", ".xls", ".xlsm", ".ods", ".parquet", ".feather", ".arrow", ".pkl", ".pickle", ".sqlite", ".db")
PANDAS = "import pandas; pandas.read_{}({!r}).to_csv({!r}, index=False)"
FIRST_BYTES = {  # the first bytes of files that are no text, and what the files are
    b"PK\x03\x04": "a zip archive",
    b"\xd0\xcf\x11\xe0": "an Excel file",
    b"PAR1": "a Parquet file",
    b"FEA1": "a Feather file",
    b"ARROW1": "a Feather file",
    b"\x1f\x8b": "a file packed by gzip",
    b"BZh": "a file packed by bzip2",
    b"\xfd7zXZ": "a file packed by xz",
    b"7z\xbc\xaf": "a 7z archive",
    b"SQLite format 3": "an SQLite database",
    b"\x80\x04\x95": "a pickle file",
    b"\x80\x05\x95": "a pickle file",
    b"\x89HDF": "an HDF5 file",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a photo",
    b"\xff\xd8\xff": "a photo",
}
START = 1 << 12  # this many bytes of a file are looked at
# the extension of a single packed file: the program that packs it, and the command that unpacks it
PACKERS = {".gz": ("gzip", "gunzip"), ".bz2": ("bzip2", "bunzip2"), ".xz": ("xz", "unxz")}


def other_format(data: bytes) -> str:
    """Return what a file is, if it is a table, an archive or another file that is not text, or "" for a text.

    data: the first bytes of the file. They decide, so an Excel file that was renamed to end in .csv is recognised too.
    """
    what = next((what for first, what in FIRST_BYTES.items() if data.startswith(first)), "")
    if what == "a zip archive":
        if b"opendocument.spreadsheet" in data[:START]:
            return "an OpenDocument spreadsheet"
        return "an Excel file" if b"[Content_Types].xml" in data[:START] or b"xl/" in data[:START] else what
    begin = data[:START].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return "a web page (HTML)" if begin.startswith((b"<!doctype html", b"<html")) else what


def not_csv(path: Path, what: str, expected: str) -> InputError:
    """Return the InputError for a file that is no CSV file. what: what it is, as `other_format` returns it."""
    return InputError(f"{path} is {what}, not a CSV file", expected, advice_to_convert(path, what))


def advice_to_convert(path: Path, what: str) -> str:
    """Return how to make a CSV file from the file at `path`. what: what it is, as `other_format` returns it."""
    name = quoted(path)
    csv_file = path.with_suffix(".csv") if path.suffix.lower() != ".csv" else path.with_name(f"{path.stem}_as_text.csv")
    into = f"and name {csv_file.name} in place of {path.name}, if competition.toml or the command names it"
    if what in ("an Excel file", "an OpenDocument spreadsheet"):
        return f"open {path} in Excel or LibreOffice and save the sheet as CSV UTF-8 to {csv_file}, {into}"
    if what in ("a Parquet file", "a Feather file"):
        reader = "parquet" if "Parquet" in what else "feather"
        code = quoted(PANDAS.format(reader, str(path), str(csv_file)))
        return f".venv/bin/pip install pyarrow && .venv/bin/python -c {code}, {into}"
    command = next((command for packer, command in PACKERS.values() if what.endswith(f"packed by {packer}")), "")
    if command:
        unpacked = path.with_suffix("") if path.suffix.lower() in PACKERS else csv_file
        return f"{command} -c {name} > {quoted(unpacked)}, and name {unpacked.name} in place of {path.name}"
    if what == "a zip archive":
        return f"unzip {name} -d {quoted(path.parent)}, {into.replace(csv_file.name, 'the unpacked file')}"
    if what == "a web page (HTML)":
        return f"sign in on the page of the competition, and download {path.name} again"
    return f"save the table in {path} as CSV to {csv_file}, {into}"
