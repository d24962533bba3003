"""STAGES: one training after another at rising image sizes, each a run that begins with the one before (INIT).

    make train MODEL=resnet34 RUN=r34 STAGES="64x4 112x2"    # 4 epochs at 64 px (run r34_64px), then 2 at 112 (r34)

Small photos first cost little, and the last stage adapts to the size that counts (Touvron et al. 2019, "Fixing the
train-test resolution discrepancy"; Tan and Le 2021, EfficientNetV2). Each stage has its own schedule, from warm-up to
its end. Only the last one is predicted, so only it is blended.
"""

import re
import shlex
from dataclasses import dataclass

from comp.errors import InputError

EXAMPLE = 'the same command with STAGES="64x4 112x2": 4 epochs at 64 pixels, then 2 at 112'


@dataclass(frozen=True)
class Stage:
    """A run, its settings as text of SET, and whether it is the last one."""

    run: str
    settings: str
    last: bool = True


def plan_stages(stages: str, run: str, init: str, settings: str) -> list[Stage]:
    """The stages of STAGES in their order; the last has the run's name. Without STAGES: the run alone.

    init: the run that the first one begins with; empty for none. Raises InputError unless the sizes rise.
    """
    pairs = [re.fullmatch(r"(\d+)x(\d+)", word) for word in stages.replace(",", " ").split()]
    if not all(pairs):
        raise InputError(f"STAGES={stages}", "pairs of image size and epochs", EXAMPLE)
    sizes = [int(pair[1]) for pair in pairs]
    if sizes != sorted(set(sizes)):
        raise InputError(f"STAGES={stages}", "image sizes that rise from stage to stage", EXAMPLE)
    made = []
    for i, pair in enumerate(pairs):
        last = i == len(pairs) - 1
        own = f"{settings} image_size={pair[1]} epochs={pair[2]}"
        made.append(Stage(run if last else f"{run}_{pair[1]}px", _with_init(own, init), last))
        init = made[-1].run
    return made or [Stage(run, _with_init(settings, init))]


def _with_init(settings: str, init: str) -> str:
    return f"{settings} init={shlex.quote(init)}" if init else settings
