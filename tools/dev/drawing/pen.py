"""A pen that draws shapes on a picture. Lengths are in face units: 1 is half the width of a usual face."""

import cv2
import numpy as np


class Pen:
    """A pen that draws on an RGB picture in face units: 1 is half the width of a usual face.

    x points to the right and y points down; the bridge of the nose is at (0, 0). canvas (H, W, 3) uint8: the picture.
    scale: the number of pixels of one face unit. angle: by how much the face is turned, in radians. centre: the pixel
    of the bridge of the nose.
    """

    def __init__(self, canvas: np.ndarray, scale: float, angle: float, centre: np.ndarray):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        self.canvas, self.scale, self.matrix, self.centre = canvas, scale, turn * scale, centre

    def pixels(self, points) -> np.ndarray:
        """Convert points (N, 2) from face units to sixteenths of pixels, the unit of OpenCV with shift=4."""
        return np.round((np.asarray(points) @ self.matrix.T + self.centre) * 16).astype(np.int32)

    def fill(self, points, colour, alpha: float = 1.0) -> None:
        top = self.canvas.copy() if alpha < 1 else self.canvas
        cv2.fillPoly(top, [self.pixels(points)], tuple(map(float, colour)), cv2.LINE_AA, 4)
        if alpha < 1:
            cv2.addWeighted(top, alpha, self.canvas, 1 - alpha, 0, self.canvas)

    def oval(self, x: float, y: float, rx: float, ry: float, colour, alpha: float = 1.0) -> None:
        self.fill(outline(x, y, rx, ry), colour, alpha)

    def line(self, points, colour, width: float) -> None:
        thickness = max(1, round(width * self.scale))
        cv2.polylines(self.canvas, [self.pixels(points)], False, tuple(map(float, colour)), thickness, cv2.LINE_AA, 4)


def outline(x: float, y: float, rx: float, ry: float, power: float = 2.0) -> np.ndarray:
    """Return 48 points (48, 2) on an ellipse or, if the power is above 2, on a more rectangular shape.

    x, y: the centre. rx, ry: half the width and half the height.
    """
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    c, s = np.cos(turn), np.sin(turn)
    return np.stack([x + rx * np.sign(c) * abs(c) ** (2 / power), y + ry * np.sign(s) * abs(s) ** (2 / power)], 1)


def curve(a, b, c) -> np.ndarray:
    """Return 12 points (12, 2) on a curve from point a to point c, which bends towards point b."""
    t = np.linspace(0, 1, 12)[:, None]
    return (1 - t) ** 2 * np.array(a) + 2 * t * (1 - t) * np.array(b) + t**2 * np.array(c)
