"""Faces cut out of pictures: a square with a margin around a box, or five points brought where they belong.

Eyes are not looked for here. Whoever has five points, from another detector, gets the similarity transform;
without them a face keeps the tilt that it has.
"""

import math
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, FileFormatError, ShapeError
from convolve.files import Picture
from convolve.nn.graph import make_node
from convolve.nn.inference import run_node

POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""Where InsightFace's networks expect eyes, tip of the nose and corners of the mouth (x, y), in 112 × 112."""

POINTS_SIDE = 112

WARP = make_node(
    "GridSample", ["image", "grid"], ["warped"], "warp", {"mode": "linear", "padding_mode": "border"}
)

LARGEST_SIDE = 1 << 12
"""Cells of an aligned face's side, at most; networks take 112 or so."""


def crop(picture: Picture, box: Any, margin: float = 0.2) -> Picture:
    """Return the square around a box, larger by a margin on each side.

    Parameters
    ----------
    picture
        One picture, grey or coloured.
    box
        x1, y1, x2, y2 in pixels.
    margin
        As a share of the longer side of the box. What lies outside the picture repeats its edge.

    Raises
    ------
    ShapeError, ArgumentError
        If the box is none, or does not lie in the picture.

    Examples
    --------
    >>> photo = Picture(np.zeros((40, 60, 3), np.uint8), "YXC")
    >>> crop(photo, (10, 10, 30, 30)).array.shape
    (28, 28, 3)
    """
    _check(picture)
    corners = np.asarray(box, np.float64)
    if corners.shape != (4,) or not np.isfinite(corners).all():
        raise ShapeError(f"a box must be four finite numbers x1, y1, x2, y2; got {box}")
    if not 0 <= margin <= 1:
        raise ArgumentError(f"margin must be a share of the box, from 0 to 1; got {margin}")
    height, width = picture.array.shape[:2]
    side = max(corners[2:] - corners[:2])
    middle = (corners[:2] + corners[2:]) / 2
    if not 1 <= side <= 2 * max(height, width) or (middle < 0).any() or (middle > (width, height)).any():
        raise ArgumentError(f"the box must lie in the picture of {width} x {height}, got {corners.tolist()}")
    count = max(1, round(side * (1 + 2 * margin)))
    left, top = (math.floor(place - count / 2 + 0.5) for place in middle)
    rows = np.clip(np.arange(top, top + count), 0, height - 1)
    columns = np.clip(np.arange(left, left + count), 0, width - 1)
    return Picture(picture.array[np.ix_(rows, columns)], picture.axes, picture.alpha)


def similarity(source: Any, target: Any) -> Array:
    """Return the rotation, scaling and shift (2, 3) that bring points nearest to others.

    Parameters
    ----------
    source, target
        (N, 2): x, y; two points or more.

    Returns
    -------
    numpy.ndarray
        (2, 3), so that ``matrix @ (x, y, 1)`` is nearest to the target by least squares, without mirroring.

    Raises
    ------
    ShapeError, ArgumentError
        If points do not belong to each other, or all of one side are the same.

    Notes
    -----
    S. Umeyama, Least-squares estimation of transformation parameters between two point patterns, 1991.

    Examples
    --------
    >>> similarity([[0, 0], [1, 0]], [[5, 5], [5, 7]]).round(9) + 0.0
    array([[ 0., -2.,  5.],
           [ 2.,  0.,  5.]])
    """
    first, second = (np.asarray(points, np.float64) for points in (source, target))
    if first.shape != second.shape or first.ndim != 2 or first.shape[1] != 2 or len(first) < 2:
        raise ShapeError(f"points must be two arrays (N, 2), N at least 2; got {first.shape}, {second.shape}")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ArgumentError("points must be finite")
    middle, aim = first.mean(axis=0), second.mean(axis=0)
    spread = float(np.square(first - middle).sum())
    if spread <= 0 or (second == second[0]).all():
        raise ArgumentError(f"points must differ from each other, got {first.tolist()} and {second.tolist()}")
    left, lengths, right = np.linalg.svd((second - aim).T @ (first - middle))
    signs = np.array([1.0, np.sign(np.linalg.det(left) * np.linalg.det(right)) or 1.0])
    turn = (left * signs) @ right * (float(lengths @ signs) / spread)
    return np.concatenate([turn, (aim - turn @ middle)[:, None]], axis=1)


def align(picture: Picture, points: Any, side: int = POINTS_SIDE) -> Picture:
    """Return a face turned, scaled and shifted so that five points stand where networks expect them.

    Parameters
    ----------
    picture
        One picture, 8-bit or from 0 to 1.
    points
        (5, 2): left eye, right eye, tip of the nose, left and right corner of the mouth, as seen in the
        picture; x, y in pixels, where pixel k reaches from k to k + 1.
    side
        Cells of the result's side; `POINTS` are scaled to it.

    Returns
    -------
    Picture
        ``side`` × ``side``, of the same dtype, sampled linearly; what lies outside repeats the edge.
    """
    _check(picture)
    if np.shape(points) != POINTS.shape:
        raise ShapeError(f"points must be five pairs x, y; got shape {np.shape(points)}")
    if not 1 <= side <= LARGEST_SIDE:
        raise ArgumentError(f"side must be from 1 to {LARGEST_SIDE}, got {side}")
    back = similarity(POINTS * (side / POINTS_SIDE), points)  # from the result to the picture
    centres = np.arange(side) + 0.5
    x, y = np.meshgrid(centres, centres)
    places = np.stack([x, y, np.ones_like(x)], axis=-1) @ back.T
    height, width = picture.array.shape[:2]
    grid = (places / (width, height) * 2 - 1).astype(np.float32)
    planes = np.moveaxis(picture.array.reshape(height, width, -1), 2, 0).astype(np.float32)
    (found,) = run_node(WARP, [planes[None], grid[None]])
    cells = np.moveaxis(found[0], 0, 2).reshape(side, side, *picture.array.shape[2:])
    whole = picture.array.dtype.kind in "iu"
    return Picture(
        (np.rint(cells) if whole else cells).astype(picture.array.dtype), picture.axes, picture.alpha
    )


def _check(picture: Picture) -> None:
    """Refuse what is no single picture."""
    if picture.axes not in ("YX", "YXC") or not picture.array.size:
        raise FileFormatError(f"it must be one picture, not a film or a stack; its axes are {picture.axes}")
