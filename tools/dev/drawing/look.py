"""Draw at random how a person looks. All pictures of the person show the same look, which fits gender and age."""

from dataclasses import dataclass

import numpy as np

SKINS = ((255, 224, 196), (246, 208, 172), (236, 190, 150), (222, 172, 130))
HAIRS = ((28, 24, 26), (44, 32, 28), (66, 44, 32), (92, 60, 38))
VIVID = ((150, 70, 40), (176, 108, 50), (160, 50, 80), (120, 40, 30))  # colours of dyed hair, only for young people


@dataclass(frozen=True)
class Look:
    """How a person looks: colours (RGB, 0 to 255), and lengths as multiples of half the width of a usual face."""

    skin: np.ndarray
    hair: np.ndarray
    lips: np.ndarray
    clothes: np.ndarray
    grey: float  # share of white strands
    wrinkles: float  # 0 … 1
    blush: float  # 0 … 1
    width: float
    jaw: float  # 2 is an ellipse, and a higher number is squarer
    length: float  # y to which the hair reaches: -0.5 is above the ears, 1.6 is on the shoulders
    hairline: float  # y of the hairline at the forehead
    fringe: float  # side of the parting, -1 … 1
    eyes: float  # distance of each eye from the middle
    brows: float  # thickness of the brows
    lashes: float
    nose: float
    beard: float  # 0 … 1
    glasses: bool


def make_look(woman: bool, age: int, rng: np.random.Generator) -> Look:
    """Return a random look for a person of the given gender and age.

    Features such as grey hair depend on gender or age, but with noise, so that no feature tells the class for sure.
    """
    seen = age + rng.normal(0, 1.5)  # the apparent age
    cue = np.clip(woman + rng.normal(0, 0.07), -0.15, 1.15)  # the apparent gender, 0 … 1

    def ramp(low, high, noise=0.05):
        return float(np.clip((seen - low) / (high - low) + rng.normal(0, noise), 0, 1))

    grey = ramp(26, 58)
    base = pick(VIVID if rng.random() < 0.5 * (seen < 30) else HAIRS, rng)
    return Look(
        skin=mix(pick(SKINS, rng), (196, 150, 116), 0.55 * ramp(22, 62)),
        hair=mix(base, (242, 242, 245), grey),
        grey=grey,
        wrinkles=ramp(26, 60),
        blush=1 - ramp(24, 36),
        lips=mix((178, 112, 98), (214, 50, 76), cue),
        clothes=rng.uniform(70, 190) + rng.normal(0, 25, 3),
        width=rng.normal(0.99, 0.04) - 0.05 * cue,
        jaw=2.75 - 0.65 * cue + rng.normal(0, 0.12),
        length=-0.45 + 2.0 * cue + rng.normal(0, 0.12),
        hairline=-0.74 - (0.3 - 0.2 * cue) * ramp(25, 60, 0.2),
        fringe=rng.uniform(-0.8, 0.8),
        eyes=rng.normal(0.43, 0.025),
        brows=0.115 - 0.06 * cue + rng.normal(0, 0.01),
        lashes=cue,
        nose=rng.normal(0.17, 0.02) - 0.03 * cue,
        beard=float(np.clip(rng.normal(0.9 - 1.6 * cue, 0.35), 0, 1)),
        glasses=rng.random() < 0.12 + 0.2 * ramp(30, 60),
    )


def pick(colours: tuple, rng: np.random.Generator) -> np.ndarray:
    """Return one of the colours, chosen at random and slightly changed."""
    return np.clip(np.array(colours[rng.integers(len(colours))]) + rng.normal(0, 5, 3), 0, 255)


def mix(a, b, share: float) -> np.ndarray:
    """Return a mixture of the colours a and b. share: how much of the mixture is b, from 0 to 1."""
    return np.asarray(a) * (1 - share) + np.asarray(b) * share
