"""The pyramid: one picture in smaller and smaller sizes, so that a window of 25 × 25 cells fits any face."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from convolve.dtypes import Array
from convolve.errors import ArgumentError
from convolve.faces.patches import WINDOW

STEP = 2 ** (1 / 3)
"""Between the sizes of neighbouring levels; faces are then at most 12 % larger or smaller than the window."""

STRIDE = 4
"""Cells between neighbouring windows: the network's strides, multiplied."""

MOST_CELLS = 1 << 22
"""Cells of the largest level, at most: 2048 × 2048, whose feature maps take 0.4 GB."""


@dataclass(frozen=True, slots=True)
class Level:
    """One size of the picture.

    Attributes
    ----------
    cells
        (height, width), float32.
    scale
        (down, across): cells of this level for one pixel of the picture.
    """

    cells: Array
    scale: tuple[float, float]

    def boxes(self, rows: Array, columns: Array) -> Array:
        """Return windows (N, 4) as boxes of the picture: x1, y1, x2, y2."""
        first = np.stack([columns, rows], axis=1) * STRIDE
        corners = np.concatenate([first, first + WINDOW], axis=1)
        down, across = self.scale
        return np.asarray(corners / (across, down, across, down))

    def windows(self, rows: Array, columns: Array) -> Array:
        """Return the cells of windows, (N, 1, 25, 25)."""
        within = np.arange(WINDOW)
        down, across = (STRIDE * place[:, None] + within for place in (rows, columns))
        return self.cells[down[:, :, None], across[:, None, :]][:, None]


def levels(cells: Array, smallest: float) -> Iterator[Level]:
    """Yield a picture in the sizes in which faces are looked for, the largest first.

    Parameters
    ----------
    cells
        (height, width), from 0 to 1.
    smallest
        Side in pixels of the smallest face looked for.

    Raises
    ------
    ArgumentError
        If that would take a level that is too large.
    """
    height, width = cells.shape
    if not smallest >= 1:
        raise ArgumentError(f"smallest must be a side in pixels, at least 1; got {smallest}")
    scale = WINDOW / smallest
    if height * scale * width * scale > MOST_CELLS:
        least = WINDOW * (height * width / MOST_CELLS) ** 0.5
        raise ArgumentError(
            f"at most {MOST_CELLS} cells are looked at; faces of {smallest:g} pixels in {width} x "
            f"{height} would take {height * scale * width * scale:.0f}; look for {least:.0f} pixels or more"
        )
    picture = Image.fromarray(np.asarray(cells, np.float32))
    while round(min(height, width) * scale) >= WINDOW:
        size = round(width * scale), round(height * scale)
        smaller = np.asarray(picture.resize(size, Image.Resampling.BILINEAR))  # antialiased
        yield Level(smaller, (size[1] / height, size[0] / width))
        scale /= STEP
