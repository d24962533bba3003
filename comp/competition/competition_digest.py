"""A hash of what shapes the training rows and their labels: predictions of other labels must not be blended."""

from comp.competition.competition import Competition
from comp.competition.competition_json import to_json
from comp.io import files

VALUES = ("target", "classes", "attributes", "ranges", "at_least_one", "limits", "combine")
KEYS = ("train", "train_images", "id", "label", "separator", "positive", "group", "group_pattern")  # of the file


def digest(competition: Competition) -> str:
    """16 hexadecimal digits. Metric, sample submission and the models' settings do not count."""
    values = to_json(competition)
    source = {key: competition.source[key] for key in KEYS if key in competition.source}
    return files.checksum({name: values[name] for name in VALUES} | {"source": source})
