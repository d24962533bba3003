"""The Competition value as plain JSON values and back; the digest of a competition.toml."""

import tomllib
from dataclasses import asdict, fields

from comp.competition.competition import Attribute, Competition, Range, Sample
from comp.io import files
from comp.metrics import metrics


def to_json(competition: Competition) -> dict:
    """Plain values; a metric is stored by its name."""
    values = {field.name: getattr(competition, field.name) for field in fields(Competition)}
    return values | {
        "metric": competition.metric.name,
        "also": [metric.name for metric in competition.also],
        "attributes": {name: asdict(attribute) for name, attribute in competition.attributes.items()},
        "ranges": [asdict(one) for one in competition.ranges],
        "sample": competition.sample and asdict(competition.sample),
    }


def from_json(values: dict) -> Competition:
    """The inverse of `to_json`. Raises KeyError or TypeError for other values."""
    sample = values["sample"]
    return Competition(**values | {
        "classes": tuple(values["classes"]),
        "metric": metrics.get(values["metric"]),
        "also": tuple(metrics.get(name) for name in values["also"]),
        "attributes": {name: Attribute(**_tuples(one)) for name, one in values["attributes"].items()},
        "ranges": tuple(Range(**_tuples(one)) for one in values["ranges"]),
        "limits": tuple(values["limits"]),
        "sample": sample and Sample(**_tuples(sample)),
    })  # fmt: skip


def digest(text: str) -> str:
    """A hash of the settings in a competition.toml: comments, spaces and the order of keys do not change it."""
    try:
        return files.checksum(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, TypeError):  # not TOML, or it holds dates: hash the bytes
        return files.digest_of(text.encode())


def _tuples(values: dict) -> dict:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
