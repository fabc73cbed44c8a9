"""Sampling: cells taken from between the cells of an image, at places that another input says."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ShapeError
from convolve.nn.attributes import choice, flag
from convolve.nn.operation import Back, Node, Operation, everything, table
from convolve.nn.tensor import Tensor, check_float, check_ndim

CUBIC = -0.75
"""The parameter of Keys' cubic (1981) that ONNX and PyTorch take."""


@dataclass(frozen=True, slots=True)
class Line:
    """The taps of every sample along one dimension; each array's last axis counts taps.

    ``cells`` lie inside the image; ``inside`` is false where the tap did not, and nothing is added.
    ``slopes`` are the derivatives of ``weights`` by the normalised place.
    """

    cells: Array
    inside: Array
    weights: Array
    slopes: Array


def _infer(_node: Node, x: Tensor, grid: Tensor) -> Tensor:
    check_float(x)
    check_float(grid, "grid")
    check_ndim(x, 3, 5)
    if grid.ndim != x.ndim or grid.shape[0] != x.shape[0] or grid.shape[-1] != x.ndim - 2 or 0 in x.shape[2:]:
        raise ShapeError(
            f"grid must be (batch, *places, {x.ndim - 2}) for the input {x.shape}, which must have cells; "
            f"got {grid.shape}"
        )
    return x.like((*x.shape[:2], *grid.shape[1:-1]))


def _line(node: Node, places: Array, size: int) -> Line:
    """Return the taps along a dimension of so many cells, for places from −1 to 1."""
    reach = (size - 1) / 2 if node["align_corners"] else size / 2
    at = (places + 1) * reach - (0 if node["align_corners"] else 0.5)
    offsets = {"nearest": [0], "linear": [0, 1], "cubic": [-1, 0, 1, 2]}[node["mode"]]
    first = np.rint(at) if node["mode"] == "nearest" else np.floor(at)
    taps = first[..., None] + np.array(offsets)
    weights, slopes = _weights(node["mode"], at[..., None] - taps)
    cells, inside = _inside(node, taps, size)
    return Line(cells, inside, weights.astype(places.dtype), (slopes * reach).astype(places.dtype))


def _weights(mode: str, distance: Array) -> tuple[Array, Array]:
    """Return weights of taps at a distance, and their derivatives by it."""
    d, sign = np.abs(distance), np.sign(distance)
    if mode == "nearest":
        return np.ones_like(d), np.zeros_like(d)
    if mode == "linear":
        return 1 - d, -np.where(distance == 0, 1, sign)
    near, a = d <= 1, CUBIC
    weights = np.where(near, ((a + 2) * d - (a + 3)) * d * d + 1, ((a * d - 5 * a) * d + 8 * a) * d - 4 * a)
    slopes = np.where(near, (3 * (a + 2) * d - 2 * (a + 3)) * d, (3 * a * d - 10 * a) * d + 8 * a)
    return weights, slopes * sign


def _inside(node: Node, taps: Array, size: int) -> tuple[Array, Array]:
    """Return the cells that taps read, and 0 for those that read nothing."""
    taps = np.nan_to_num(taps, nan=-1e9, posinf=1e9, neginf=-1e9)
    inside = np.ones(taps.shape, bool)
    if node["padding_mode"] == "zeros":
        inside = (taps >= 0) & (taps < size)
    elif node["padding_mode"] == "reflection":
        low = 0.0 if node["align_corners"] else -0.5
        span = size - 1 + 2 * -low
        turn = np.mod(taps - low, 2 * span) if span else np.zeros_like(taps)
        taps = np.trunc(low + np.minimum(turn, 2 * span - turn))
    return np.clip(taps, 0, size - 1).astype(np.int64), inside


def _lines(node: Node, x: Array, grid: Array) -> list[Line]:
    """Return the taps along every dimension; grids name the last dimension first."""
    dims = x.ndim - 2
    return [_line(node, grid[..., dims - 1 - d], x.shape[2 + d]) for d in range(dims)]


def _taps(lines: list[Line]) -> Iterator[tuple[tuple[int, ...], tuple[Array, ...], Array]]:
    """Yield (tap along each dimension, cells, whether they count) for every combination of taps."""
    for taps in itertools.product(*(range(line.cells.shape[-1]) for line in lines)):
        cells = tuple(line.cells[..., tap] for line, tap in zip(lines, taps, strict=True))
        counts = np.ones(cells[0].shape, bool)
        for line, tap in zip(lines, taps, strict=True):
            counts = counts & line.inside[..., tap]
        yield taps, cells, counts


def _factor(lines: list[Line], taps: tuple[int, ...], counts: Array, slope_of: int | None = None) -> Array:
    """Return the product of a tap's weights, or its derivative by the place along one dimension."""
    product = counts.astype(lines[0].weights.dtype)
    for d, (line, tap) in enumerate(zip(lines, taps, strict=True)):
        product = product * (line.slopes if d == slope_of else line.weights)[..., tap]
    return product[..., None]


def _images(x: Array) -> tuple[Array, Array]:
    """Return the input with its channels last, and the number of every image for each place."""
    return np.moveaxis(x, 1, -1), np.arange(x.shape[0]).reshape(-1, *(1,) * (x.ndim - 2))


def _sample(node: Node, x: Array, grid: Array) -> Array:
    lines = _lines(node, x, grid)
    last, images = _images(x)
    sums = np.zeros((*grid.shape[:-1], x.shape[1]), x.dtype)
    for taps, cells, counts in _taps(lines):
        sums += (last[(images, *cells)] * _factor(lines, taps, counts)).astype(x.dtype)
    return np.moveaxis(sums, -1, 1)


def _sample_back(back: Back) -> tuple[Array, Array]:
    x, grid = back.inputs
    lines, dims = _lines(back.node, x, grid), x.ndim - 2
    last, images = _images(x)
    dy = np.moveaxis(back.dy, 1, -1)
    by_x, by_grid = np.zeros_like(last), np.zeros_like(grid)
    for taps, cells, counts in _taps(lines):
        np.add.at(by_x, (images, *cells), dy * _factor(lines, taps, counts))
        along = np.sum(dy * last[(images, *cells)], axis=-1, keepdims=True)
        for d in range(dims):
            by_grid[..., dims - 1 - d] += (along * _factor(lines, taps, counts, d))[..., 0]
    return np.moveaxis(by_x, -1, 1), by_grid


TABLE = table(
    Operation(
        "GridSample",
        (2, 2),
        _infer,
        _sample,
        _sample_back,
        {
            "mode": choice("linear", "linear", "nearest", "cubic"),
            "padding_mode": choice("zeros", "zeros", "border", "reflection"),
            "align_corners": flag(),
        },
        window=everything,
    )
)
