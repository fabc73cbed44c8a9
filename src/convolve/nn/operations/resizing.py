"""Resizing: nearest, linear and cubic, with or without antialiasing, in every way to count coordinates.

Every dimension is resized on its own: output cell o stands at a place x between the input's cells, and is
Σ weight(k − x) · cell k over the few cells k around it. So all modes are one table of cells and weights per
dimension.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ShapeError
from convolve.nn.attributes import choice, flag, real, wholes
from convolve.nn.operation import Back, Node, Operation, Window, table
from convolve.nn.operations.derivatives import along
from convolve.nn.tensor import Tensor, axes_of, is_float, known


@dataclass(frozen=True, slots=True)
class Line:
    """One dimension: its sizes, how many output cells an input cell becomes, and the part that is taken."""

    size: int
    outputs: int
    scale: float
    start: float = 0.0
    end: float = 1.0

    @property
    def changes(self) -> bool:
        """Whether anything is done along this dimension."""
        return self.outputs != self.size or self.scale != 1


def _half_pixel(at: Array, line: Line) -> Array:
    return np.asarray((at + 0.5) / line.scale - 0.5)


def _half_pixel_symmetric(at: Array, line: Line) -> Array:
    adjusted = line.outputs / (line.scale * line.size)
    return line.size / 2 * (1 - adjusted) + _half_pixel(at, line)


def _pytorch_half_pixel(at: Array, line: Line) -> Array:
    return _half_pixel(at, line) if line.outputs > 1 else np.zeros_like(at)


def _align_corners(at: Array, line: Line) -> Array:
    """Lay the first and the last cells on each other.

    Where a scale gives no whole number of cells, ONNX's own cases count with the fraction, and so do we; ONNX
    Runtime counts with the cells that there are.
    """
    last = line.scale * line.size - 1
    return at * ((line.size - 1) / last) if line.outputs > 1 else np.zeros_like(at)


def _asymmetric(at: Array, line: Line) -> Array:
    return np.asarray(at / line.scale)


def _tf_crop_and_resize(at: Array, line: Line) -> Array:
    last = line.size - 1
    if line.outputs == 1:
        return np.full_like(at, 0.5 * (line.start + line.end) * last)
    return np.asarray(line.start * last + at * (line.end - line.start) * last / (line.outputs - 1))


COORDINATES: dict[str, Callable[[Array, Line], Array]] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "pytorch_half_pixel": _pytorch_half_pixel,
    "align_corners": _align_corners,
    "asymmetric": _asymmetric,
    "tf_crop_and_resize": _tf_crop_and_resize,
}
"""Where an output cell stands in the input, by ONNX's names."""

NEAREST: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}
"""Which cell is the nearest, by ONNX's names."""


def _tent(distance: Array) -> Array:
    return np.asarray(np.clip(1 - np.abs(distance), 0, 1))


def _cubic(distance: Array, a: float) -> Array:
    """Return Keys' cubic (1981), with −0.75 or −0.5 for ``a``."""
    d = np.abs(distance)
    inner = ((a + 2) * d - (a + 3)) * d * d + 1
    outer = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, inner, np.where(d < 2, outer, 0))


def places_and_weights(node: Node, line: Line) -> tuple[Array, Array]:
    """Return, for every output cell, the input cells that it is summed up from, and their weights."""
    x = COORDINATES[node["coordinate_transformation_mode"]](np.arange(line.outputs, dtype=np.float64), line)
    if node["mode"] == "nearest":
        nearest = NEAREST[node["nearest_mode"]](x)
        return np.clip(nearest, 0, line.size - 1).astype(np.int64)[:, None], np.ones((line.outputs, 1))
    reach = 1 if node["mode"] == "linear" else 2
    squeeze = min(line.scale, 1.0) if node["antialias"] else 1.0
    first = math.floor(-reach / squeeze) + 1
    offsets = np.arange(first, 2 - first)
    cells = np.floor(x).astype(np.int64)[:, None] + offsets
    distance = (cells - x[:, None]) * squeeze
    weights = _tent(distance) if reach == 1 else _cubic(distance, node["cubic_coeff_a"])
    if node["exclude_outside"]:
        weights = np.where((cells >= 0) & (cells < line.size), weights, 0)
    if node["exclude_outside"] or node["antialias"]:
        weights = weights / weights.sum(axis=1, keepdims=True)
    return np.clip(cells, 0, line.size - 1), weights


def _lines(
    node: Node, x: Tensor, roi: Tensor | None, scales: Tensor | None, sizes: Tensor | None
) -> list[Line]:
    """Return every dimension's sizes and scale."""
    axes = list(range(x.ndim)) if node["axes"] is None else list(axes_of(node["axes"], x.ndim))
    factors = _numbers(scales, "scales", len(axes))
    wanted = _numbers(sizes, "sizes", len(axes))
    if (factors is None) == (wanted is None):
        raise ArgumentError("exactly one of scales and sizes must be given")
    part = _numbers(roi, "roi", 2 * len(axes)) if node["coordinate_transformation_mode"][:2] == "tf" else None
    lines = [Line(size, size, 1.0) for size in x.shape]
    given = [x.shape[axis] for axis in axes]
    for place, (axis, outputs, scale) in enumerate(
        zip(axes, *_sizes_and_scales(node, given, factors, wanted), strict=True)
    ):
        ends = (0.0, 1.0) if part is None else (part[place], part[place + len(axes)])
        lines[axis] = Line(x.shape[axis], outputs, scale, *ends)
    return lines


def _numbers(tensor: Tensor | None, name: str, count: int) -> list[float] | None:
    """Return the numbers of an input that may be absent or empty."""
    if tensor is None or tensor.size == 0:
        return None
    if tensor.size != count or tensor.ndim != 1:
        raise ShapeError(f"{name} must have {count} numbers, got shape {tensor.shape}")
    return [float(number) for number in known(tensor)]


def _sizes_and_scales(
    node: Node, given: list[int], factors: list[float] | None, wanted: list[float] | None
) -> tuple[list[int], list[float]]:
    if factors is not None:
        if not all(0 < factor < 2**31 for factor in factors):
            raise ArgumentError(f"scales must be positive numbers, got {factors}")
        return [math.floor(size * factor) for size, factor in zip(given, factors, strict=True)], factors
    outputs = [int(number) for number in wanted or ()]
    if min(outputs, default=1) < 0 or 0 in given:
        raise ShapeError(f"sizes must not be negative, nor the input empty; got {outputs} for {given}")
    scales = [output / size for output, size in zip(outputs, given, strict=True)]
    policy = node["keep_aspect_ratio_policy"]
    if policy == "stretch":
        return outputs, scales
    one = min(scales) if policy == "not_larger" else max(scales)
    return [math.floor(one * size + 0.5) for size in given], [one] * len(given)


def _infer(
    node: Node,
    x: Tensor,
    roi: Tensor | None = None,
    scales: Tensor | None = None,
    sizes: Tensor | None = None,
) -> Tensor:
    lines = _lines(node, x, roi, scales, sizes)
    if any(line.size == 0 < line.outputs for line in lines):
        raise ShapeError(f"an empty input {x.shape} cannot become larger")
    return x.like([line.outputs for line in lines])


def _resize(node: Node, x: Array, *given: Array | None) -> Array:
    inputs = [None if one is None else Tensor.of(one) for one in (*given, None, None, None)[:3]]
    lines = _lines(node, Tensor.of(x), *inputs)
    crops = node["coordinate_transformation_mode"] == "tf_crop_and_resize"
    result = x if node["mode"] == "nearest" or is_float(x.dtype) else x.astype(np.float64)
    for axis, line in enumerate(lines):
        if line.changes or crops:
            result = _along(node, result, axis, line)
    if crops:
        result = _extrapolated(result, lines, node["extrapolation_value"])
    if result.dtype != x.dtype and x.dtype.kind in "iu":
        limits = np.iinfo(x.dtype)
        result = np.clip(np.rint(result), limits.min, limits.max)
    return result.astype(x.dtype, copy=False)


def _along(node: Node, x: Array, axis: int, line: Line) -> Array:
    """Resize along one dimension."""
    places, weights = places_and_weights(node, line)
    if places.shape[1] == 1:
        return np.take(x, places[:, 0], axis=axis)
    shape = [-1 if d == axis else 1 for d in range(x.ndim)]
    typed = weights.astype(x.dtype if x.dtype.itemsize >= 4 else np.float32)
    result = np.take(x, places[:, 0], axis=axis) * typed[:, 0].reshape(shape)
    for tap in range(1, places.shape[1]):
        result = result + np.take(x, places[:, tap], axis=axis) * typed[:, tap].reshape(shape)
    return np.asarray(result)


def _extrapolated(x: Array, lines: list[Line], value: float) -> Array:
    """Write the value that stands for everything outside the input."""
    result = x.copy()
    for axis, line in enumerate(lines):
        at = _tf_crop_and_resize(np.arange(line.outputs, dtype=np.float64), line)
        outside = (at < 0) | (at > line.size - 1)
        result[(slice(None),) * axis + (outside,)] = value
    return result


def _resize_back(back: Back) -> tuple[Array]:
    """Give every output's gradient back to the cells that it was summed up from, by the same weights."""
    x, *given = back.inputs
    inputs = [None if one is None else Tensor.of(one) for one in (*given, None, None, None)[:3]]
    lines = _lines(back.node, Tensor.of(x), *inputs)
    crops = back.node["coordinate_transformation_mode"] == "tf_crop_and_resize"
    result = _extrapolated(back.dy, lines, 0.0) if crops else back.dy
    for axis, line in enumerate(lines):
        if line.changes or crops:
            places, weights = places_and_weights(back.node, line)
            matrix = np.zeros((line.outputs, line.size))
            np.add.at(matrix, (np.arange(line.outputs)[:, None], places), weights)
            result = along(result, axis, matrix)
    return (result,)


def _window(node: Node, inputs: tuple[Tensor, ...]) -> Window:
    roi, scales, sizes = (*inputs[1:], None, None, None)[:3]
    lines = _lines(node, inputs[0], roi, scales, sizes)[2:]
    reach = {"nearest": 1, "linear": 2, "cubic": 4}[node["mode"]]
    size = tuple(max(reach, math.ceil(reach / line.scale)) if line.changes else 1 for line in lines)
    return Window(size, tuple(1 / line.scale for line in lines), tuple((cells - 1) // 2 for cells in size))


TABLE = table(
    Operation(
        "Resize",
        (1, 4),
        _infer,
        _resize,
        _resize_back,
        attributes={
            "mode": choice("nearest", "nearest", "linear", "cubic"),
            "coordinate_transformation_mode": choice("half_pixel", *COORDINATES),
            "nearest_mode": choice("round_prefer_floor", *NEAREST),
            "cubic_coeff_a": real(-0.75),
            "antialias": flag(),
            "exclude_outside": flag(),
            "extrapolation_value": real(0.0),
            "keep_aspect_ratio_policy": choice("stretch", "stretch", "not_larger", "not_smaller"),
            "axes": wholes(),
        },
        window=_window,
    )
)
