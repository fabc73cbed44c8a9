"""The shapes that are timed, read from standard_set.csv and overhead.csv: their work and their numbers."""

import csv
import fnmatch
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
COLUMNS = (
    "name", "kind", "dims", "batch", "channels", "size", "filters", "taps", "stride", "padding", "dilation",
    "groups", "dtype", "weight_dtype", "out_dtype", "layout", "padding_mode",
)  # fmt: skip
SEED = 20261123
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """One line of the standard set."""

    name: str
    kind: str
    dims: int
    batch: int
    channels: int
    size: tuple[int, ...]
    filters: int
    taps: tuple[int, ...]
    stride: int
    padding: int
    dilation: int
    groups: int
    dtype: str
    weight_dtype: str
    out_dtype: str
    layout: str
    padding_mode: str

    @property
    def is_stencil(self) -> bool:
        """Whether one filter goes over every channel of an image or a signal by itself."""
        return self.kind.startswith("stencil")

    @property
    def is_forward(self) -> bool:
        """Whether this is a forward convolution, a stencil included."""
        return self.kind == "forward" or self.is_stencil

    @property
    def operation(self) -> str:
        """The operation, as `convolve.plan` names it."""
        named = {"transposed": "conv_transpose"}
        return "conv" if self.is_forward else named.get(self.kind, self.kind)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(K, C / groups, *taps); of a transposed convolution (C, K / groups, *taps)."""
        if self.kind == "transposed":
            return (self.channels, self.filters // self.groups, *self.taps)
        return (self.filters, self.channels // self.groups, *self.taps)

    @property
    def first_shape(self) -> tuple[int, ...]:
        """The shape of the first array that goes in, channels first: of an input gradient the other one."""
        if self.kind == "input_grad":
            return (self.batch, self.filters, *self.output_size)
        return (self.batch, self.channels, *self.size)

    @property
    def second_shape(self) -> tuple[int, ...]:
        """The shape of the second array that goes in: the weight, or the gradient of the output."""
        if self.kind == "weight_grad":
            return (self.batch, self.filters, *self.output_size)
        return self.weight_shape

    @property
    def result_shape(self) -> tuple[int, ...]:
        """The shape of the result, channels first."""
        if self.kind == "weight_grad":
            return self.weight_shape
        if self.kind == "input_grad":
            return (self.batch, self.channels, *self.size)
        return (self.batch, self.filters, *self.output_size)

    @property
    def output_size(self) -> tuple[int, ...]:
        """The spatial size of a forward convolution's result, or of a transposed one's."""
        reach = [self.dilation * (taps - 1) + 1 for taps in self.taps]
        if self.kind == "transposed":
            pairs = zip(self.size, reach, strict=True)
            return tuple((size - 1) * self.stride - 2 * self.padding + extent for size, extent in pairs)
        return tuple(
            (size + 2 * self.padding - extent) // self.stride + 1
            for size, extent in zip(self.size, reach, strict=True)
        )

    @property
    def flops(self) -> int:
        """Multiplications and additions of the direct method."""
        outputs = self.batch * self.filters * math.prod(self.output_size)
        if self.kind == "transposed":
            outputs = self.batch * self.channels * math.prod(self.size)
        return 2 * outputs * math.prod(self.weight_shape[1:])

    @property
    def bytes_moved(self) -> int:
        """Bytes if input and weight are read once and the result is written once."""
        counts = (
            (self.dtype, self.batch * self.channels * math.prod(self.size)),
            (self.weight_dtype, math.prod(self.weight_shape)),
            (self.out_dtype, self.batch * self.filters * math.prod(self.output_size)),
        )
        return sum(np.dtype(kind).itemsize * count for kind, count in counts)


@dataclass(frozen=True, slots=True)
class Data:
    """The arrays of a shape: the first channels first and as the shape's layout has it, and the second.

    The second is the weight, or for a gradient with respect to the weight the gradient of the output.
    """

    input: Array
    first: Array
    weight: Array


def load(name: str = "standard_set.csv") -> list[Shape]:
    """Return the shapes of a file beside this one."""
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [_shape(row) for row in csv.reader(line for line in lines if not line.startswith("#"))]


def select(shapes: Sequence[Shape], patterns: Sequence[str]) -> list[Shape]:
    """Return the shapes whose name matches any of the patterns, such as ``resnet50.*``."""
    return [one for one in shapes if any(fnmatch.fnmatch(one.name, pattern) for pattern in patterns)]


def _shape(row: Sequence[str]) -> Shape:
    values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    for column in ("dims", "batch", "channels", "filters", "stride", "padding", "dilation", "groups"):
        values[column] = int(values[column])
    for column in ("size", "taps"):
        values[column] = tuple(int(part) for part in values[column].split("x"))
    return Shape(**values)


def data(shape: Shape) -> Data:
    """Return the numbers of a shape: the same in every process, normal, never zeros."""
    numbers = np.random.default_rng(SEED)
    first = _numbers(numbers, shape.first_shape, shape.dtype)
    image = first
    if shape.layout == "channels_last":
        image = np.ascontiguousarray(np.moveaxis(first, 1, -1))
    return Data(image, first, _weight(numbers, shape))


def _numbers(numbers: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    if dtype == "float32":
        return numbers.standard_normal(shape, "f")
    limits = np.iinfo(dtype)
    return numbers.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def _weight(numbers: np.random.Generator, shape: Shape) -> Array:
    """Return the weight; a stencil has one filter for all channels, as an image filter does."""
    if not shape.is_stencil:
        return _numbers(numbers, shape.second_shape, shape.weight_dtype)
    return np.ascontiguousarray(np.broadcast_to(_kernel(numbers, shape), shape.weight_shape))


def _kernel(numbers: np.random.Generator, shape: Shape) -> Array:
    if shape.kind == "stencil-box":
        return np.full(shape.taps, 1 / math.prod(shape.taps), "f")
    if shape.kind == "stencil-gaussian":
        column, row = (gaussian(taps) for taps in shape.taps)
        return np.outer(column, row)
    return _numbers(numbers, shape.taps, shape.weight_dtype)


def gaussian(taps: int) -> Array:
    """Return a Gaussian bell of so many taps, three standard deviations to each side, with sum 1."""
    places = np.arange(taps) - (taps - 1) / 2
    bell = np.exp(-0.5 * (places / (taps / 6)) ** 2)
    result: Array = (bell / bell.sum()).astype("f")
    return result
