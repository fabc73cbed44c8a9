"""`Grid`: many small pictures side by side, as one picture and as a plot."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError
from convolve.nn.seeing.axes import new_axes

GROUND = (226, 229, 233)
"""Between the tiles: neither the diverging map's white nor the sequential one's black."""

READABLE = 32
"""Pixels that a tile's longer side has at least by default."""

MOST_CAPTIONS = 144
"""Tiles beyond which a plot has no captions: they would run into each other."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Small pictures in rows, first to last.

    Attributes
    ----------
    values
        The numbers that are shown: (tiles, height, width), and three channels where tiles are RGB.
    tiles
        Their colours: (tiles, height, width, 3), bytes.
    captions
        One for each tile.
    columns
        Tiles in a row.
    title
        What is seen, and how numbers became colours.
    """

    values: Array
    tiles: Array
    captions: tuple[str, ...]
    columns: int
    title: str

    def image(self, zoom: int | None = None, *, gap: int = 2) -> Array:
        """Return all tiles as one picture (height, width, 3) of bytes.

        Parameters
        ----------
        zoom
            Pixels for the side of every cell; by default tiles have 32 pixels or more.
        gap
            Pixels between tiles, and around them.
        """
        zoom = self._readable() if zoom is None else zoom
        if zoom < 1 or gap < 0:
            raise ArgumentError(f"zoom must be at least 1 and gap at least 0, got {zoom} and {gap}")
        return self._sheet(zoom, (gap, gap))

    def plot(self, ax: Any = None) -> Any:
        """Draw the grid with captions and title on matplotlib axes, and return them (extra "plot").

        Parameters
        ----------
        ax
            The axes; a new figure of a fitting size if None.
        """
        zoom = self._readable()
        high, wide = (zoom * size for size in self.tiles.shape[1:3])
        captioned = len(self.tiles) <= MOST_CAPTIONS
        gap = (max(2, high // 3) if captioned else 2, max(2, wide // 8))
        sheet = self._sheet(zoom, gap)
        if ax is None:
            inches = max(0.012, 0.45 / (wide + gap[1]))  # of a pixel: a caption is about 0.4 inches wide
            ax = new_axes(
                max(4, min(sheet.shape[1] * inches, 16) + 0.3), min(sheet.shape[0] * inches, 16) + 0.6
            )
        ax.imshow(sheet, interpolation="nearest")
        for place, caption in enumerate(self.captions if captioned else ()):
            row, column = divmod(place, self.columns)
            left, top = gap[1] + column * (wide + gap[1]), gap[0] + row * (high + gap[0])
            ax.text(left + wide / 2, top - 0.5, caption, fontsize=7, ha="center", va="bottom")
        ax.set_title(self.title, fontsize=9)
        ax.set_axis_off()
        return ax

    def _readable(self) -> int:
        return math.ceil(READABLE / max(1, *map(int, self.tiles.shape[1:3])))

    def _sheet(self, zoom: int, gap: tuple[int, int]) -> Array:
        tiles = self.tiles.repeat(zoom, axis=1).repeat(zoom, axis=2)
        height, width = tiles.shape[1] + gap[0], tiles.shape[2] + gap[1]
        rows = math.ceil(len(tiles) / self.columns)
        sheet = np.empty((rows * height + gap[0], self.columns * width + gap[1], 3), np.uint8)
        sheet[:] = GROUND
        for place, tile in enumerate(tiles):
            row, column = divmod(place, self.columns)
            top, left = gap[0] + row * height, gap[1] + column * width
            sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
        return sheet


def square(count: int) -> int:
    """Return the columns of a grid that is about as wide as high.

    >>> [square(count) for count in (1, 2, 16, 20)]
    [1, 2, 4, 5]
    """
    return max(1, math.ceil(math.sqrt(count)))
