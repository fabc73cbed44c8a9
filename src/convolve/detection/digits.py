"""Scenes of handwritten digits on photographs: scikit-learn's digits, scikit-image's photographs.

Every scene follows from a seed. Digits and photographs that scenes are learned from stand in no scene that is
held out: neither the writing nor the background has been seen before.
"""

import math
from dataclasses import dataclass

import numpy as np

from convolve.detection.boxes import areas
from convolve.detection.scenes import Scene, Scenes
from convolve.dtypes import Array
from convolve.errors import ArgumentError, MissingExtraError
from convolve.files import Picture
from convolve.nn.preprocessing import as_bytes, planes_of, resized
from convolve.options import choice

CLASSES = tuple("0123456789")
PHOTOGRAPHS = {
    "train": ("astronaut", "brick", "chelsea", "coins", "grass", "hubble_deep_field", "immunohistochemistry",
              "moon", "retina"),
    "held-out": ("camera", "coffee", "gravel", "rocket"),
}  # fmt: skip
"""Names in `skimage.data`; pages of text are left out, for they may hold digits that no box tells of."""

HELD_OUT = 4
"""One digit in so many is held out: 449 of 1,797, by the same people as the others."""

SHORTEST = (96, 144, 216)
"""Pixels of a photograph's shorter side: scenes are cut out of it at these scales, or a little more."""

DIGITS = (2, 7)
"""Digits of one scene: at least, at most."""

SIDES = (18, 20, 23, 26, 30, 34, 39, 44)
"""Pixels of the square that a digit's 8 × 8 cells become; all as often."""

COVERED = 0.2
"""Share of the smaller of two digits' boxes that the other may cover."""

INKS = 70
"""How far ink is from black, on what is bright, or from white, of 255 in each colour, at most."""

TRIES = 20
"""Places tried for a digit before it is left out."""

INK = 0.25
"""Share of ink from which on a cell belongs to the digit's box."""


def digit_scenes(
    count: int,
    part: str = "train",
    size: tuple[int, int] = (96, 96),
    *,
    seed: int = 0,
    digits: tuple[int, int] = DIGITS,
) -> Scenes:
    """Return photographs with handwritten digits on them.

    Parameters
    ----------
    count
        How many.
    part
        "train", or "held-out": digits and photographs that no scene of "train" has.
    size
        (height, width) in pixels.
    seed
        From which all follows.
    digits
        How many are written on each, at least and at most; fewer if there is no room.

    Raises
    ------
    MissingExtraError
        If scikit-learn or scikit-image is not installed.

    Examples
    --------
    >>> scenes = digit_scenes(3, "held-out")
    >>> len(scenes), scenes.scenes[0].size, scenes.classes[:3]
    (3, (96, 96), ('0', '1', '2'))
    """
    if count < 1 or min(size) < SIDES[-1]:
        raise ArgumentError(
            f"there must be at least one scene, of at least {SIDES[-1]} pixels a side; got {count} of {size}"
        )
    choice(part, "part", tuple(PHOTOGRAPHS))
    pixels, labels = _digits(part)
    inks = [as_bytes(resized(pixels, (side, side))) for side in SIDES]
    table = _Table(inks, labels, _photographs(part, size), size, digits)
    streams = np.random.SeedSequence([seed, tuple(PHOTOGRAPHS).index(part)]).spawn(count)
    scenes = [table.scene(k + 1, np.random.default_rng(one)) for k, one in enumerate(streams)]
    return Scenes(tuple(scenes), CLASSES)


def _digits(part: str) -> tuple[Array, Array]:
    """Return the digits of one part, as shares of ink (N, 8, 8), and what they are."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingExtraError.of("scikit-learn", "sklearn", "the data set of digits") from None
    pixels, labels = load_digits(return_X_y=True)
    held_out = np.arange(len(labels)) % HELD_OUT == HELD_OUT - 1
    chosen = held_out if part == "held-out" else ~held_out
    return (pixels.reshape(-1, 8, 8) / 16).astype(np.float32)[chosen], labels[chosen]


def _photographs(part: str, size: tuple[int, int]) -> list[Array]:
    """Return the photographs of one part at all scales, bytes (height, width, 3)."""
    try:
        from skimage import data
    except ImportError:
        raise MissingExtraError.of("scikit-image", "skimage", "putting digits on photographs") from None
    found = []
    for name in PHOTOGRAPHS[part]:
        cells = getattr(data, name)()
        planes = planes_of(Picture(cells, "YX" if cells.ndim == 2 else "YXC"))
        for shortest in SHORTEST:
            covering = max(wanted / side for wanted, side in zip(size, planes.shape[1:], strict=True))
            scale = max(shortest / min(planes.shape[1:]), covering)
            small = resized(planes, [math.ceil(side * scale) for side in planes.shape[1:]])
            found.append(np.moveaxis(as_bytes(np.broadcast_to(small, (3, *small.shape[1:]))), 0, 2))
    return found


@dataclass(frozen=True)
class _Table:
    """What scenes are made of: digits in each size, as bytes of ink, photographs, and the size of a scene."""

    inks: list[Array]
    labels: Array
    photographs: list[Array]
    size: tuple[int, int]
    counts: tuple[int, int]

    def scene(self, number: int, random: np.random.Generator) -> Scene:
        """Return one scene."""
        cells = self._background(random)
        boxes, labels = np.zeros((0, 4)), []
        for _ in range(random.integers(self.counts[0], self.counts[1] + 1)):
            which = random.integers(len(self.labels))
            ink = self.inks[random.integers(len(SIDES))][which]
            for top, left in self._free(ink, boxes, random):
                boxes = np.concatenate([boxes, _box(ink, top, left)])
                labels.append(self.labels[which])
                _write(cells[top : top + len(ink), left : left + len(ink)], ink, random)
        picture = Picture(np.rint(cells).astype(np.uint8), "YXC")
        return Scene(
            f"scene{number:05}.png", picture, self.size, boxes, np.array(labels, np.int64), number=number
        )

    def _background(self, random: np.random.Generator) -> Array:
        """Return a piece of a photograph, mirrored half of the times, as float32 (height, width, 3)."""
        photograph = self.photographs[random.integers(len(self.photographs))]
        top, left = (
            random.integers(whole - wanted + 1)
            for whole, wanted in zip(photograph.shape, self.size, strict=False)
        )
        piece = photograph[top : top + self.size[0], left : left + self.size[1]]
        return np.array(piece[:, ::-1] if random.random() < 0.5 else piece, np.float32)

    def _free(self, ink: Array, boxes: Array, random: np.random.Generator) -> list[tuple[int, int]]:
        """Return the first row and column of a place for a digit; none if no free one is found."""
        for _ in range(TRIES):
            top, left = (int(random.integers(whole - len(ink) + 1)) for whole in self.size)
            if not (_covered(_box(ink, top, left), boxes) > COVERED).any():
                return [(top, left)]
        return []


def _box(ink: Array, top: int, left: int) -> Array:
    """Return the box (1, 4) around a digit's ink."""
    rows, columns = (np.flatnonzero((ink >= INK * 255).any(axis=axis)) for axis in (1, 0))
    return np.array([[left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1]], float)


def _covered(box: Array, boxes: Array) -> Array:
    """Return which share of the smaller of one box and each of the others is covered by both."""
    low, high = np.maximum(box[:, :2], boxes[:, :2]), np.minimum(box[:, 2:], boxes[:, 2:])
    return np.asarray(areas(np.concatenate([low, high], axis=1)) / np.minimum(areas(box), areas(boxes)))


def _write(cells: Array, ink: Array, random: np.random.Generator) -> None:
    """Write a digit onto a piece of a photograph, in a colour that can be seen there."""
    dark = cells.mean() > 255 / 2
    colour = random.uniform(0, INKS, 3) if dark else 255 - random.uniform(0, INKS, 3)
    cells += (ink / np.float32(255))[..., None] * (colour.astype(np.float32) - cells)
