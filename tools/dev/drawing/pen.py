"""A pen that draws shapes on a canvas in face units."""

import cv2
import numpy as np


class Pen:
    """A pen that draws on an RGB canvas (H, W, 3) uint8 in face units.

    x points to the right and y points down. The bridge of the nose is at (0, 0).
    """

    def __init__(self, canvas: np.ndarray, scale: float, angle: float, centre: np.ndarray):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        self.canvas, self.scale, self.matrix, self.centre = canvas, scale, turn * scale, centre

    def pixels(self, points) -> np.ndarray:
        """The points (N, 2) in sixteenths of pixels, for OpenCV with shift=4. points (N, 2): in face units."""
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
    """The points (48, 2) of a superellipse. power: 2 gives an ellipse, and a higher power a squarer shape."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    c, s = np.cos(turn), np.sin(turn)
    return np.stack([x + rx * np.sign(c) * abs(c) ** (2 / power), y + ry * np.sign(s) * abs(s) ** (2 / power)], 1)


def curve(a, b, c) -> np.ndarray:
    """The points (12, 2) of a curve from a to c that bends towards b."""
    t = np.linspace(0, 1, 12)[:, None]
    return (1 - t) ** 2 * np.array(a) + 2 * t * (1 - t) * np.array(b) + t**2 * np.array(c)
