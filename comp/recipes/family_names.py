"""The family of a model from its name alone: "resnet" of resnet34. No timm, which takes seconds to import."""

import re

PREFIXES = r"(?:tf|legacy|gluon|dm|ssl|swsl|ig|test)_"  # of who trained or ported it
FAMILY = rf"(?:{PREFIXES})?([a-z]+?(?:v\d+)?)(?=[\d_.\-]|$)"


def family(model: str) -> str:
    """The first word of a timm name without its size: tf_efficientnet_lite0 is of efficientnet, swin_tiny of swin.

    A version that belongs to the family stays: efficientnetv2. Any other name is its own family.
    """
    found = re.match(FAMILY, model.lower())
    return found.group(1) if found else model
