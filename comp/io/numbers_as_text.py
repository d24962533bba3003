"""Numbers in files and arguments, as people type them."""

import math


def finite_number(text: str) -> float | None:
    """The number that the text is; None for anything else, and for NaN and infinity."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
