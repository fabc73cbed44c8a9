"""Boxes: how much two overlap, which of many are kept, and where they lie in a picture of another size.

Boxes are float arrays (N, 4): x1, y1, x2, y2, in pixels, where pixel k reaches from k to k + 1. A box has no
area where its second corner does not lie beyond its first.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ArgumentTypeError, ShapeError
from convolve.nn.operations.detection import suppressed

CORNERS = 4


def as_boxes(boxes: Any, name: str = "boxes") -> Array:
    """Return boxes as floats (N, 4), or say what is wrong with them.

    Raises
    ------
    ShapeError, ArgumentTypeError
        If they are no array of numbers (N, 4).
    """
    try:
        found = np.asarray(boxes)
        floats = found if found.dtype.kind == "f" else found.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"{name} must be an array of numbers (N, 4), got {error}") from None
    if not floats.size and floats.ndim <= 2:
        return floats.reshape(0, CORNERS)
    if floats.ndim != 2 or floats.shape[1] != CORNERS:
        raise ShapeError(f"{name} must have the shape (N, 4): x1, y1, x2, y2; got {floats.shape}")
    return floats


def areas(boxes: Any) -> Array:
    """Return the areas (N) of boxes (N, 4), 0 where the second corner does not lie beyond the first.

    >>> areas([[0, 0, 2, 3], [5, 5, 4, 9]]).tolist()
    [6.0, 0.0]
    """
    corners = as_boxes(boxes)
    sides = np.maximum(corners[:, 2:] - corners[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1])


def iou(a: Any, b: Any) -> Array:
    """Return the intersection over the union of every box of ``a`` with every one of ``b``.

    Parameters
    ----------
    a
        (N, 4): x1, y1, x2, y2, in pixels.
    b
        (M, 4).

    Returns
    -------
    numpy.ndarray
        (N, M), from 0 (apart) to 1 (the same); 0 where both have no area.

    Raises
    ------
    ShapeError, ArgumentTypeError
        If boxes are no arrays of numbers (N, 4).

    Examples
    --------
    >>> iou([[0, 0, 10, 10]], [[0, 0, 10, 10], [0, 5, 10, 15], [50, 50, 60, 60]]).round(3).tolist()
    [[1.0, 0.333, 0.0]]
    """
    first, second = as_boxes(a, "a"), as_boxes(b, "b")
    low = np.maximum(first[:, None, :2], second[:, :2])
    high = np.minimum(first[:, None, 2:], second[:, 2:])
    sides = np.maximum(high - low, 0)
    shared = sides[..., 0] * sides[..., 1]
    union = areas(first)[:, None] + areas(second) - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def nms(boxes: Any, scores: Any, threshold: float = 0.5, classes: Any = None) -> Array:
    """Return which boxes are kept: of those that overlap, the one with the best score.

    Parameters
    ----------
    boxes
        (N, 4): x1, y1, x2, y2, in pixels.
    scores
        (N). Of equal ones the first comes first; NaN is never kept.
    threshold
        From 0 to 1: a box is left out if its intersection over the union with a better one that is kept is
        larger. As ``torchvision.ops.nms``.
    classes
        (N) whole numbers: only boxes of one class push each other out. None: all do.

    Returns
    -------
    numpy.ndarray
        int64: places of the boxes that are kept, the best score first.

    Raises
    ------
    ShapeError, ArgumentTypeError, ArgumentError
        If the arrays do not belong to each other, or the threshold is not from 0 to 1.

    Examples
    --------
    >>> boxes = [[0, 0, 10, 10], [1, 0, 10, 10], [30, 30, 40, 40]]
    >>> nms(boxes, [0.6, 0.9, 0.5]).tolist()
    [1, 2]
    >>> nms(boxes, [0.6, 0.9, 0.5], classes=[3, 7, 7]).tolist()
    [1, 0, 2]
    """
    corners, worth = as_boxes(boxes), _per_box(scores, len(as_boxes(boxes)), "scores")
    labels = _per_box(np.zeros(len(corners)) if classes is None else classes, len(corners), "classes")
    if not 0 <= threshold <= 1:
        raise ArgumentError(f"threshold must be from 0 to 1, got {threshold}")
    whole = np.concatenate([corners[:, :2], np.maximum(corners[:, :2], corners[:, 2:])], axis=1)
    kept: list[int] = []
    for label in np.unique(labels):
        of_class = np.flatnonzero((labels == label) & ~np.isnan(worth))
        best = suppressed(whole[of_class], worth[of_class], len(of_class), threshold)
        kept += of_class[best].tolist()
    return np.array(sorted(kept, key=lambda k: (-worth[k], k)), np.int64)


def _per_box(numbers: Any, count: int, name: str) -> Array:
    found = np.asarray(numbers)
    if found.size and found.dtype.kind not in "biuf":
        raise ArgumentTypeError(f"{name} must be numbers, got dtype {found.dtype}")
    if found.shape != (count,):
        raise ShapeError(f"{name} must be one number for each of {count} boxes, got shape {found.shape}")
    return found.astype(np.float64) if name == "scores" else found


def clip(boxes: Any, size: tuple[int, int]) -> Array:
    """Return boxes cut off at the borders of a picture.

    Parameters
    ----------
    boxes
        (N, 4): x1, y1, x2, y2, in pixels.
    size
        (height, width) of the picture.

    Examples
    --------
    >>> clip([[-5, 2, 30, 8]], (10, 20)).tolist()
    [[0.0, 2.0, 20.0, 8.0]]
    """
    height, width = size
    limits = np.array([width, height, width, height])
    corners = as_boxes(boxes)
    return np.clip(corners, 0, limits).astype(corners.dtype, copy=False)


def to_xywh(boxes: Any) -> Array:
    """Return boxes as COCO writes them: x, y of the first corner, width and height.

    >>> to_xywh([[10, 20, 15, 40]]).tolist()
    [[10.0, 20.0, 5.0, 20.0]]
    """
    corners = as_boxes(boxes)
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)


def from_xywh(boxes: Any) -> Array:
    """Return the corners of boxes that are written as COCO does: x, y, width and height.

    >>> from_xywh([[10, 20, 5, 20]]).tolist()
    [[10.0, 20.0, 15.0, 40.0]]
    """
    given = as_boxes(boxes)
    return np.concatenate([given[:, :2], given[:, :2] + given[:, 2:]], axis=1)


def from_centres(boxes: Any) -> Array:
    """Return the corners of boxes given by their middle: x, y, width and height.

    >>> from_centres([[10, 20, 4, 6]]).tolist()
    [[8.0, 17.0, 12.0, 23.0]]
    """
    given = as_boxes(boxes)
    half = given[:, 2:] / 2
    return np.concatenate([given[:, :2] - half, given[:, :2] + half], axis=1)


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where a picture lies in a frame of another shape: scaled as a whole, in the middle, with bars.

    Attributes
    ----------
    source
        (height, width) of the picture.
    frame
        (height, width) of the frame.

    Examples
    --------
    >>> box = Letterbox((100, 200), (64, 64))
    >>> box.scale, box.inner, box.offset
    ((0.32, 0.32), (32, 64), (16, 0))
    >>> box.into_frame([[0, 0, 200, 100]]).tolist()
    [[0.0, 16.0, 64.0, 48.0]]
    >>> box.into_source([[0, 16, 64, 48]]).tolist()
    [[0.0, 0.0, 200.0, 100.0]]
    """

    source: tuple[int, int]
    frame: tuple[int, int]

    def __post_init__(self) -> None:
        if min(*self.source, *self.frame) < 1:
            raise ShapeError(
                f"a picture and its frame must have cells, got {self.source} and {self.frame} (height, width)"
            )

    @property
    def inner(self) -> tuple[int, int]:
        """(height, width) of the picture in the frame; at least one cell."""
        scale = min(self.frame[0] / self.source[0], self.frame[1] / self.source[1])
        height, width = (max(1, round(size * scale)) for size in self.source)
        return height, width

    @property
    def offset(self) -> tuple[int, int]:
        """(rows, columns) of the frame before the picture."""
        inner = self.inner
        return (self.frame[0] - inner[0]) // 2, (self.frame[1] - inner[1]) // 2

    @property
    def scale(self) -> tuple[float, float]:
        """(down, across): cells of the frame for one of the picture; the two differ by rounding alone."""
        inner = self.inner
        return inner[0] / self.source[0], inner[1] / self.source[1]

    def into_frame(self, boxes: Any) -> Array:
        """Return boxes of the picture as they lie in the frame."""
        scale, offset = self._both()
        return as_boxes(boxes) * scale + offset

    def into_source(self, boxes: Any) -> Array:
        """Return boxes of the frame as they lie in the picture; not clipped."""
        scale, offset = self._both()
        return (as_boxes(boxes) - offset) / scale

    def _both(self) -> tuple[Array, Array]:
        down, across = self.scale
        rows, columns = self.offset
        return np.array([across, down, across, down]), np.array([columns, rows, columns, rows])
