"""Filters with a direction: motion blur and Gabor filters.

Angles are in degrees, anticlockwise from the right.
"""

import math

import numpy as np

from convolve.errors import FilterError
from convolve.filters.smoothing import checked_size, finite, per_axis
from convolve.filters.weights import Weights, frozen

SAMPLES_PER_CELL = 16
"""Points per cell at which a motion's path is sampled; twice as many change no weight of a path of 9 cells
by more than 0.007 (angles in steps of 5 degrees, 2026-11-23)."""


def motion_blur(length: int, angle: float = 0.0) -> Weights:
    """Return the mean along a straight path of ``length`` cells.

    >>> motion_blur(3).tolist() == [[0, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0, 0, 0]]
    True
    """
    checked_size((length, length), "a motion blur")
    angle = finite(angle, "angle")
    width = length if length % 2 else length + 1
    count = SAMPLES_PER_CELL * length
    steps = (np.arange(count) + 0.5) / count * length - length / 2
    turn = math.radians(angle)
    columns = np.rint(width // 2 + steps * math.cos(turn)).astype(int)
    rows = np.rint(width // 2 - steps * math.sin(turn)).astype(int)
    hits = np.zeros((width, width))
    np.add.at(hits, (np.clip(rows, 0, width - 1), np.clip(columns, 0, width - 1)), 1)
    return frozen(hits / hits.sum(), np.float64)


def gabor(wavelength: float, angle: float = 0.0, sigma: float | None = None, phase: float = 0.0) -> Weights:
    """Return a wave of ``wavelength`` cells under a Gaussian: it answers to stripes across ``angle``.

    ``sigma`` is 0.56 wavelengths by default, a bandwidth of one octave. An even wave (phase 0) is shifted
    so that it sums to nothing and an even image gives no answer.

    >>> abs(float(gabor(6.0).sum())) < 1e-12
    True
    """
    (wave,) = per_axis(wavelength, 1, "wavelength")
    (width,) = per_axis(0.56 * wave if sigma is None else sigma, 1, "sigma")
    angle, phase = finite(angle, "angle"), finite(phase, "phase")
    radius = int(min(3 * width, 1e9) + 0.5)
    checked_size((2 * radius + 1,) * 2, "a Gabor filter")
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    turn = math.radians(angle)
    along = x * math.cos(turn) - y * math.sin(turn)
    bell = np.exp(-0.5 * (x**2 + y**2) / width**2)
    bell /= bell.sum()
    ripples = np.cos(2 * math.pi * along / wave + math.radians(phase))
    return frozen(bell * (ripples - (bell * ripples).sum()), np.float64)


def gabor_bank(wavelength: float, directions: int = 4) -> tuple[Weights, ...]:
    """Return Gabor filters of one wavelength in evenly spaced directions.

    >>> len(gabor_bank(6.0, 4))
    4
    """
    if not isinstance(directions, int) or not 1 <= directions <= 64:
        raise FilterError(f"a gabor bank must have 1 to 64 directions, got {directions!r}")
    return tuple(gabor(wavelength, 180 * step / directions) for step in range(directions))
