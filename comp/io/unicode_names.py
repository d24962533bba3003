"""Convert names to Unicode NFC, so that equal names compare equal. macOS writes file names in NFD."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a stage that finds nothing changed ends before pandas would be imported
    import pandas as pd


def same_text(text: str) -> str:
    """A text in NFC."""
    return unicodedata.normalize("NFC", text)


def same_texts(texts: pd.Series) -> pd.Series:
    """Many texts (N,) in NFC."""
    return texts if all(map(str.isascii, texts)) else texts.str.normalize("NFC")
