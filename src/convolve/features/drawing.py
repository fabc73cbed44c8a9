"""Finds drawn on the picture they were found in: circles around blobs, boxes around matches.

Drawn larger than shown and shrunk, so that lines are smooth; bright lines within dark ones, so that they are
seen on any ground. Small pictures are enlarged, volumes seen through along their first dimension.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convolve.dtypes import Array

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

SHORTEST = 600
"""Pixels of the shorter side, at least: thin circles around a few pixels would not be seen."""

FINER = 3
"""How many times larger is drawn than shown."""

WIDTH = 2.0
"""Pixels of a line as shown."""

LETTERS = 15
"""Height of a label in pixels as shown."""

BRIGHT, DARK = (255, 214, 10), (20, 20, 30)
"""Yellow is seen on tissue, sky and metal, by colour-blind people too, and with its dark rim on white."""

Paint = Callable[["ImageDraw", tuple[int, int, int], int], None]


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture to draw on.

    Attributes
    ----------
    ground
        The picture, (H, W, 3) uint8, as large as it is shown.
    scale
        Pixels shown for each cell.
    """

    ground: Array
    scale: float

    def at(self, cells: Array | float) -> Any:
        """Return where the middles of cells are on the finer picture."""
        return (np.asarray(cells) + 0.5) * self.scale * FINER

    def drawn(self, paints: Sequence[Paint]) -> Array:
        """Return the picture with every shape on it: all dark rims, then all bright lines."""
        from PIL import Image, ImageDraw  # slow to load, and needed for pictures alone

        height, width = self.ground.shape[:2]
        fine = Image.fromarray(self.ground).resize((width * FINER, height * FINER), Image.Resampling.BILINEAR)
        pen = ImageDraw.Draw(fine)
        for colour, extra in ((DARK, 1.0), (BRIGHT, 0.0)):
            for paint in paints:
                paint(pen, colour, round((WIDTH + 2 * extra) * FINER))
        return np.asarray(fine.resize((width, height), Image.Resampling.BOX))


def canvas(image: Array) -> Canvas:
    """Return the canvas for a grey image, a colour image (H, W, 3) of bytes, or a volume."""
    from PIL import Image  # slow to load, and needed for pictures alone

    colour = image.ndim == 3 and image.shape[-1] == 3 and image.dtype == np.uint8
    seen = image if colour or image.ndim == 2 else np.fmax.reduce(image, axis=0)
    bytes_ = np.asarray(seen) if seen.dtype == np.uint8 else _as_bytes(seen)
    picture = Image.fromarray(bytes_ if colour else np.repeat(bytes_[..., None], 3, axis=-1))
    scale = max(1, -(-SHORTEST // min(picture.size)))
    size = (picture.width * scale, picture.height * scale)
    return Canvas(np.asarray(picture.resize(size, Image.Resampling.BICUBIC)), scale)


def _as_bytes(values: Array) -> Array:
    """Return numbers as shades, but for the darkest and the brightest hundredth, which are clipped."""
    numbers = values.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    low, high = np.percentile(finite, (1, 99)) if finite.size else (0.0, 1.0)
    shades = (np.nan_to_num(numbers, nan=low) - low) / ((high - low) or 1.0)
    return np.asarray((np.clip(shades, 0, 1) * 255).round().astype(np.uint8))


def circles(on: Canvas, centres: Array, radii: Array) -> Iterator[Paint]:
    """Yield a circle for each centre (row, column) and radius (down, across), all in cells."""
    for centre, radius in zip(centres, radii, strict=True):
        (y, x), (down, across) = on.at(centre), np.asarray(radius) * on.scale * FINER

        def paint(
            pen: "ImageDraw", colour: Any, width: int, box: Any = (x - across, y - down, x + across, y + down)
        ) -> None:
            grown = width / 2
            pen.ellipse((box[0] - grown, box[1] - grown, box[2] + grown, box[3] + grown), None, colour, width)

        yield paint


def boxes(on: Canvas, corners: Array, sizes: Array, labels: Sequence[str]) -> Iterator[Paint]:
    """Yield a box for each corner (row, column) and size in cells, with a label above it, or in it."""
    from PIL import ImageFont  # slow to load, and needed for pictures alone

    font = ImageFont.load_default(LETTERS * FINER)
    for corner, size, label in zip(corners, sizes, labels, strict=True):
        (top, left), (bottom, right) = on.at(corner - 0.5), on.at(corner + size - 0.5)
        above = top - (LETTERS + 6) * FINER
        place = (left, above if above > 0 else top + 3 * FINER)

        def paint(
            pen: "ImageDraw", colour: Any, width: int, box: Any = (left, top, right, bottom),
            place: Any = place, label: str = label,
        ) -> None:  # fmt: skip
            grown = width / 2
            pen.rectangle(
                (box[0] - grown, box[1] - grown, box[2] + grown, box[3] + grown), None, colour, width
            )
            rim = 2 * FINER if colour == DARK else 0
            pen.text(place, label, colour, font, stroke_width=rim, stroke_fill=colour)

        yield paint
