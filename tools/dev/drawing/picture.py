"""Draw one picture of a person. Pose, light, clothes, background and mask differ between the person's pictures."""

import cv2
import numpy as np
from drawing.look import Look, mix
from drawing.pen import Pen, curve, outline

HEIGHT, WIDTH = 512, 384
MASKS = ((105, 180, 245), (60, 120, 215), (70, 190, 200), (80, 190, 140), (150, 140, 240), (190, 225, 255))


def draw_picture(look: Look, mask: int, mask_colour, rng: np.random.Generator) -> np.ndarray:
    """Draw a person, and return the RGB picture (512, 384, 3) uint8.

    mask: 0 means that a mask is worn, 1 that it is worn wrongly, and 2 that there is no mask.
    mask_colour: the RGB colour of the mask, which is not used if there is no mask.
    """
    centre = np.array([WIDTH / 2, HEIGHT / 2 - 5]) + rng.normal(0, 8, 2)
    pen = Pen(background(rng), rng.normal(98, 4), rng.normal(0, 0.05), centre)
    draw_body(pen, look, rng)
    draw_head(pen, look)
    draw_features(pen, look, rng)
    draw_hair(pen, look, rng)
    if mask < 2:
        draw_mask(pen, look, mask, mask_colour, rng)
    return through_a_camera(pen.canvas, rng)


def background(rng: np.random.Generator) -> np.ndarray:
    """Draw a wall in two colours with pale dots at random places, and return it as an RGB picture.

    The colours are neither as dark nor as light as hair. The dots differ so much that pictures of two people do not
    count as duplicates.
    """
    tint = rng.uniform(110, 185) + np.array([10, 0, -10]) + rng.normal(0, 10, 3)
    top, bottom = tint + rng.normal(0, 12, (2, 3))
    share = np.linspace(0, 1, HEIGHT)[:, None, None]
    wall = np.tile(((1 - share) * top + share * bottom).astype(np.uint8), (1, WIDTH, 1))
    dotted = wall.copy()
    pen = Pen(dotted, 1.0, 0.0, np.zeros(2))
    for _ in range(18):
        radius, colour = rng.uniform(15, 45), tint + rng.normal(0, 40) + rng.normal(0, 20, 3)
        pen.oval(*rng.uniform(0, [WIDTH, HEIGHT]), radius, radius, colour)
    return cv2.addWeighted(dotted, 0.5, wall, 0.5, 0)


def draw_body(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    """Draw the hair behind the head, the neck and the shoulders."""
    if look.length > 0:
        pen.fill(outline(0, (look.length - 1.5) / 2, 1.5 * look.width, (look.length + 1.5) / 2, 3.2), 0.86 * look.hair)
    pen.fill([(-0.42, 0.6), (0.42, 0.6), (0.5, 1.9), (-0.5, 1.9)], 0.84 * look.skin)
    colour = np.clip(look.clothes + rng.normal(0, 25, 3), 20, 245)
    pen.fill(outline(0, 3.0, rng.normal(1.9, 0.06), 1.42, 2.6), colour)
    pen.fill(curve((-0.5, 1.62), (0, 2.2), (0.5, 1.62)), 0.9 * look.skin)


def draw_head(pen: Pen, look: Look) -> None:
    """Draw the ears, the face, the cheeks and the wrinkles."""
    skin, w = look.skin, look.width
    for side in (-1, 1):
        pen.oval(side * w, 0.12, 0.15, 0.26, 0.9 * skin)
    pen.fill(outline(0, 0.05, w, 1.27, look.jaw), skin)
    for side in (-1, 1):
        pen.oval(side * 0.62, 0.28, 0.25, 0.2, (250, 110, 120), 0.6 * look.blush)
    draw_wrinkles(pen, look)


def draw_wrinkles(pen: Pen, look: Look) -> None:
    """Draw the lines at forehead, eyes and mouth, which become wider and darker with age."""
    if look.wrinkles < 0.1:
        return
    ink, width = look.skin * (1 - 0.42 * look.wrinkles), 0.02 + 0.035 * look.wrinkles
    for i in range(round(3 * look.wrinkles)):
        y = -0.5 - 0.13 * i
        pen.line(curve((-0.5, y), (0, y - 0.07), (0.5, y)), ink, width)
    for s in (-1, 1):
        pen.line(curve((s * 0.2, 0.36), (s * 0.42, 0.45), (s * 0.43, 0.72)), ink, width)
        pen.line(curve((s * 0.24, 0.1), (s * 0.42, 0.2), (s * 0.62, 0.08)), ink, width)
        for lift in (-0.12, 0.0, 0.1):
            pen.line([(s * 0.68, lift / 2 - 0.03), (s * 0.86, lift - 0.03)], ink, width * look.wrinkles)


def draw_features(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    """Draw the eyes, brows, glasses, nose, beard and mouth."""
    draw_eyes(pen, look, rng.normal(0, 0.025), float(np.clip(rng.normal(0.1, 0.015), 0.05, 0.14)))
    shade = 0.78 * look.skin
    pen.line(curve((0.03, 0.0), (0.1, 0.2), (look.nose, 0.36)), shade, 0.03)
    pen.line(curve((-look.nose, 0.36), (0, 0.47), (look.nose, 0.36)), shade, 0.045)
    if look.beard > 0.2:
        beard = np.concatenate(
            [
                curve((-0.86, 0.5), (-0.6, 1.35), (0, 1.3)),
                curve((0, 1.3), (0.6, 1.35), (0.86, 0.5)),
                curve((0.7, 0.5), (0, 0.42), (-0.7, 0.5)),
            ]
        )
        pen.fill(beard, mix(look.hair, (40, 40, 50), 0.4), 0.35 * look.beard)
    smile = rng.normal(0.1, 0.06)
    upper, lower = curve((-0.3, 0.72), (0, 0.64), (0.3, 0.72)), curve((0.3, 0.72), (0, 0.86 + smile), (-0.3, 0.72))
    pen.fill(np.concatenate([upper, lower]), look.lips)
    pen.line(curve((-0.32, 0.72), (0, 0.72 + smile), (0.32, 0.72)), 0.55 * look.lips, 0.03)


def draw_eyes(pen: Pen, look: Look, gaze: float, opened: float) -> None:
    """Draw both eyes with lashes and brows, and glasses if the person has them.

    gaze: how far the pupils are shifted to the side. opened: half the height of the open eye.
    """
    for s in (-1, 1):
        x = s * look.eyes
        pen.oval(x, 0, 0.19, opened, (250, 250, 248))
        pen.oval(x + gaze, 0, 0.095, min(0.095, opened), (52, 34, 28))
        pen.oval(x + gaze - 0.03, -0.03, 0.03, 0.03, (255, 255, 255))
        pen.line(curve((x - 0.2, 0.0), (x, -2 * opened), (x + 0.2, 0.0)), (35, 25, 25), 0.025 + 0.04 * look.lashes)
        brow = curve((x - s * 0.22, -0.27), (x, -0.4), (x + s * 0.26, -0.28))
        pen.line(brow, mix(look.hair, (40, 30, 30), 0.5), look.brows)
        if look.glasses:
            pen.line(outline(x, 0.02, 0.33, 0.25, 2.6)[np.arange(49) % 48], (50, 45, 60), 0.035)
    if look.glasses:
        pen.line([(-0.1, -0.03), (0.1, -0.03)], (50, 45, 60), 0.035)


def draw_hair(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    """Draw the hair in front of the head: down to the hairline, at both sides, and single lighter strands."""
    w, part = look.width, 0.5 * look.fringe
    sides = max(look.length, -0.5) if look.length < 0.3 else min(look.length, 1.5)
    top, parting = (0, -1.55), (part, look.hairline - 0.12)
    cap = [
        curve((1.08 * w, -0.3), (1.25 * w, -1.62), top),
        curve(top, (-1.25 * w, -1.62), (-1.08 * w, -0.3)),
        curve((-0.93 * w, -0.3), (-0.75 * w, look.hairline), parting),
        curve(parting, (0.75 * w, look.hairline), (0.93 * w, -0.3)),
    ]
    pen.fill(np.concatenate(cap), look.hair)
    for s in (-1, 1):
        pen.fill([(s * 0.9 * w, -0.5), (s * 1.14 * w, -0.5), (s * 1.17 * w, sides), (s * 0.97 * w, sides)], look.hair)
    for x in rng.uniform(-0.9, 0.9, 14):
        light = (240, 240, 245) if rng.random() < look.grey else 1.25 * look.hair + 8
        strand = curve((part + 0.3 * (x - part), -1.48), (x, -1.35), (x, look.hairline - 0.12))
        pen.line(strand, mix(look.hair, light, 0.6), 0.02)


def draw_mask(pen: Pen, look: Look, mask: int, colour, rng: np.random.Generator) -> None:
    """Draw a mask with straps.

    mask: 0 means that the mask covers nose and mouth; 1 means that it is worn wrongly: under the nose, at the chin, or
    over the eyes.
    """
    wrong = ((0.6, 1.35), (0.85, 1.5), (-0.35, 0.3))  # top and bottom, y
    top, bottom = wrong[rng.integers(len(wrong))] if mask == 1 else (0.1, 1.28)
    top, bottom = np.array([top, bottom]) + rng.normal(0, 0.03, 2)
    w, rise = 0.93 * look.width, 0.1 if mask == 0 else 0.04
    shape = np.concatenate(
        [
            curve((-w, top + 0.14), (0, top - 2 * rise), (w, top + 0.14)),
            curve((w, top + 0.14), (0.95 * w, bottom), (0, bottom + 0.05)),
            curve((0, bottom + 0.05), (-0.95 * w, bottom), (-w, top + 0.14)),
        ]
    )
    for s in (-1, 1):
        pen.line([(s * w, top + 0.16), (s * 1.05 * look.width, 0.0)], (235, 235, 235), 0.03)
    pen.fill(shape, colour)
    decorate(pen, shape, mix(colour, 255 - np.array(colour), 0.22), int(rng.integers(4)), rng)


def decorate(pen: Pen, shape: np.ndarray, ink: np.ndarray, style: int, rng: np.random.Generator) -> None:
    """Draw the edge of a mask and a pattern on it.

    shape: the points of the edge. ink: the colour. style: the pattern, which is pleats (0), dots (1), a line down the
    middle (2), or none (3).
    """
    (left, top), (right, bottom) = shape.min(0), shape.max(0)
    pen.line([*shape, shape[0]], ink, 0.025)
    if style == 0:
        for y in top + np.array([0.35, 0.55, 0.75]) * (bottom - top):
            pen.line(curve((0.8 * left, y - 0.03), (0, y + 0.04), (0.8 * right, y - 0.03)), ink, 0.025)
    if style == 1:
        low, high = (0.6 * left, 0.75 * top + 0.25 * bottom), (0.6 * right, bottom - 0.15)
        for x, y in rng.uniform(low, high, (14, 2)):
            pen.oval(x, y, 0.05, 0.05, ink)
    if style == 2:
        pen.line([(0, top + 0.1), (0, bottom)], ink, 0.03)


def through_a_camera(canvas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the picture (H, W, 3) uint8 as a camera might show it.

    Blur, uneven light, colour cast, brightness and noise are added at random.
    """
    soft = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.4, 1.8))  # while it is uint8: several times faster
    x, y = (np.linspace(-1, 1, n, dtype=np.float32) for n in (WIDTH, HEIGHT))
    light = 1 + rng.normal(0, 0.09) * x[None, :] + rng.normal(0, 0.07) * y[:, None]
    gain = rng.normal(1, 0.07) * rng.normal(1, 0.025, 3)
    lit = cv2.merge([cv2.multiply(soft[..., c], light, scale=gain[c], dtype=cv2.CV_32F) for c in range(3)])
    noise = 6 * rng.standard_normal((HEIGHT // 2, WIDTH // 2, 3), np.float32)
    return cv2.add(lit, cv2.resize(noise, (WIDTH, HEIGHT)), dtype=cv2.CV_8U)
