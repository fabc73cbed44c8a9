"""Random calls that cross every option, over a bounded pool of routines.

A `Family` fixes what code may be specialised to; a `Crossing` is one call of it: sizes, paddings, boundaries,
memory layouts and values are drawn anew for each. Paddings reach far beyond the image.
"""

import copy
import math
import random
from dataclasses import dataclass
from typing import Any

import numpy as np

import convolve
from convolve.dtypes import bfloat16, kind_of, result_dtype
from tests.engine.cases import MODES, held

OPERATIONS = ("conv", "conv", "conv", "conv_transpose", "input_grad", "weight_grad", "apply")
RULES = ("valid", "full", "same", "same_lower", *["pairs"] * 8)

SAME = (
    "float32", "float32", "float32", "float64", "float64", "float16", "bfloat16", "complex64", "complex128",
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
)  # fmt: skip
MIXED = (
    ("uint8", "int8"), ("uint8", "int8"), ("uint8", "float32"), ("int16", "uint8"), ("bool", "int16"),
    ("uint16", "float64"), ("int32", "int8"), ("int64", "uint8"), ("float16", "float32"),
    ("bfloat16", "float16"), ("float32", "float64"), ("float32", "complex64"), ("complex64", "float32"),
    ("int8", "bfloat16"), ("float64", "int16"), ("float32", "int64"),
)  # fmt: skip
MOST_OUTPUTS = 300
"""Per channel: the reference, which all is compared with, takes milliseconds for more."""

MOST_GRADIENTS = 400
"""Weights whose gradient is asked for: the reference takes 30 µs for each."""

OUT_DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "int64", "uint64", "float16", "float32", "float64")


@dataclass(frozen=True)
class Family:
    """What routines may be specialised to, besides the tile, which follows from channels and sizes.

    ``channels`` and ``filters`` are those of one group of the forward convolution; ``weights`` says what the
    filter looks like: anything, an outer product, or the same weight everywhere.
    """

    operation: str
    taps: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    channels: int
    filters: int
    dtypes: tuple[str, str]
    out_dtype: str | None
    overflow: str
    nan: str
    accuracy: str
    layout: str
    weights: str

    @property
    def dims(self) -> int:
        """Spatial dimensions."""
        return len(self.taps)

    @property
    def extent(self) -> list[int]:
        """Cells from the first to the last tap."""
        return [e * (t - 1) + 1 for t, e in zip(self.taps, self.dilation, strict=True)]

    @property
    def sums(self) -> Any:
        """Dtype of a result for which none is asked."""
        return result_dtype(*map(dtype_of, self.dtypes))

    @property
    def result(self) -> Any:
        """Dtype of the result."""
        return self.sums if self.out_dtype is None else np.dtype(self.out_dtype)


@dataclass(frozen=True)
class Place:
    """The sizes of one call, which choose between the routines of a family."""

    batch: int
    padding: Any
    size: tuple[int, ...]
    outputs: tuple[int, ...]
    left: tuple[int, ...]
    """Cells of the input behind the last window, which a transposed convolution must be told of."""


@dataclass
class Crossing:
    """One call: arrays as a caller might hold them, shapes for gradients, options."""

    family: Family
    first: Any
    second: Any
    bias: Any
    shape: tuple[int, ...]
    options: dict[str, Any]
    values: str
    place: "Place"

    @property
    def terms(self) -> int:
        """Return the most terms that one result sums up."""
        family, mode = self.family, self.options["padding_mode"]
        if family.operation == "weight_grad":
            return self.place.batch * math.prod(self.place.outputs)
        taps = math.prod(family.taps)
        if family.operation in ("conv", "apply"):
            return family.channels * taps + 1
        reach = [
            s * (o - 1) + e for s, o, e in zip(family.stride, self.place.outputs, family.extent, strict=True)
        ]
        folds = [-(-r // n) + 1 for r, n in zip(reach, self.place.size, strict=True)]
        return family.filters * taps * (1 if mode in ("zeros", 3) else math.prod(folds)) + 1

    def call(self, **more: Any) -> Any:
        """Call the public function."""
        operation, dims = self.family.operation, self.family.dims
        options = {**self.options, **more}
        if operation == "conv":
            return getattr(convolve, f"conv{dims}d")(self.first, self.second, self.bias, **options)
        if operation == "conv_transpose":
            return getattr(convolve, f"conv_transpose{dims}d")(self.first, self.second, self.bias, **options)
        if operation == "apply":
            return convolve.apply(self.first, self.second, **options)
        gradient = getattr(convolve, f"conv{dims}d_{operation}")
        if operation == "input_grad":
            return gradient(self.shape, self.second, self.first, **options)
        return gradient(self.first, self.shape, self.second, **options)

    def bound(self) -> Any:
        """Call a forward convolution by way of a plan with bound weights."""
        planned = convolve.plan(
            self.first.shape, self.second.shape, dtype=self.first.dtype.newbyteorder("="),
            weight_dtype=self.second.dtype.newbyteorder("="), bias=self.bias is not None, **self.options,
        )  # fmt: skip
        return planned.bind(self.second, self.bias)(self.first)

    def changed(self, change: Any) -> "Crossing":
        """Return this call with other numbers, in the widest dtype that the reference has."""
        other = copy.copy(self)
        wide = "complex128" if "complex" in str(self.family.sums) else "float64"
        other.first, other.second = (change(np.asarray(one, wide)) for one in (self.first, self.second))
        other.bias = None if self.bias is None else change(np.asarray(self.bias, wide))
        mode = self.options["padding_mode"]
        mode = mode if isinstance(mode, str) else float(change(np.array(float(mode))))
        other.options = {**self.options, "padding_mode": mode, "out_dtype": None}
        return other


def dtype_of(name: str) -> Any:
    """Return a dtype by name, bfloat16 too."""
    return bfloat16() if name == "bfloat16" else np.dtype(name)


def draw_family(draw: random.Random) -> Family:
    """Return a family; channel counts lie on both sides of a vector's width."""
    while True:
        family = _family(draw)
        weights = family.groups * family.filters * family.channels * math.prod(family.taps)
        if family.operation != "weight_grad" or weights <= MOST_GRADIENTS:
            return family


def _family(draw: random.Random) -> Family:
    operation, dims = draw.choice(OPERATIONS), draw.choice((1, 2, 2, 2, 3))
    most = {1: 9, 2: draw.choice((3, 5)), 3: 3}[dims]
    kind = "one" if operation == "apply" else draw.choice(("few", "many", "pointwise", "depthwise", "one"))
    dtypes = (draw.choice(SAME),) * 2 if draw.random() < 0.6 else draw.choice(MIXED)
    sums = result_dtype(*map(dtype_of, dtypes))
    out_dtype = draw.choice(OUT_DTYPES) if draw.random() < 0.35 and kind_of(sums) != "complex" else None
    rounds = out_dtype is not None and kind_of(np.dtype(out_dtype)) == "integer"
    is_float = kind_of(sums) == "float"
    taps = tuple(1 if kind == "pointwise" else draw.randint(1, most) for _ in range(dims))
    return Family(
        operation,
        taps,
        tuple(draw.choice((1, 1, 2, 3)) for _ in range(dims)),
        tuple(draw.choice((1, 1, 2, 3)) for _ in range(dims)),
        draw.choice((2, 5)) if kind == "depthwise" else 1 if kind == "one" else draw.choice((1, 1, 2)),
        {"few": 3, "many": draw.choice((8, 17, 40)), "pointwise": draw.choice((5, 33))}.get(kind, 1),
        {"few": 6, "many": draw.choice((7, 16, 35)), "pointwise": draw.choice((4, 24))}.get(kind, 1),
        dtypes,
        out_dtype,
        draw.choice(("raise", "saturate", "wrap")) if not is_float or rounds else "raise",
        "ignore"
        if is_float and not rounds and operation in ("conv", "apply") and draw.random() < 0.15
        else "propagate",
        "strict" if rounds else draw.choice(("default", "strict")),
        draw.choice(("channels_first", "channels_first", "channels_last")),
        draw.choice(("any", "any", "any", "outer", "flat")),
    )


def draw_place(draw: random.Random, family: Family) -> Place:
    """Return sizes that fit a family."""
    while True:
        found = _sizes(draw, family)
        if found is not None:
            return found


def _sizes(draw: random.Random, family: Family) -> Place | None:
    """Return sizes, if they leave room for an output."""
    largest = {1: 60, 2: 14, 3: 6}[family.dims]
    size = [draw.randint(1, draw.choice((4, largest))) for _ in family.taps]
    rule, batch = draw.choice(RULES), draw.randint(1, 2)
    if rule.startswith("same") and family.operation == "conv_transpose":
        rule = "valid"  # its size is another one, see tests/specs.py
    most = draw.choice((2, 6, 2 * max(size)))
    pads = [(draw.randint(0, most), draw.randint(0, most)) for _ in size]
    if rule in ("valid", "full"):
        pads = [(extent - 1,) * 2 if rule == "full" else (0, 0) for extent in family.extent]
    if rule.startswith("same"):
        outputs = tuple(-(-n // s) for n, s in zip(size, family.stride, strict=True))
        return Place(batch, rule, tuple(size), outputs, (0,) * family.dims)
    room = [n + sum(p) - e for n, p, e in zip(size, pads, family.extent, strict=True)]
    if min(room) < 0:
        return None
    steps = [divmod(r, s) for r, s in zip(room, family.stride, strict=True)]
    outputs, left = tuple(whole + 1 for whole, _ in steps), tuple(rest for _, rest in steps)
    if math.prod(outputs) > MOST_OUTPUTS:
        return None
    return Place(batch, tuple(pads) if rule == "pairs" else rule, tuple(size), outputs, left)


def draw_crossing(draw: random.Random, family: Family, place: Place, values: random.Random) -> Crossing:
    """Return a call of a family with these sizes; all else is drawn, numbers from a draw of their own."""
    options: dict[str, Any] = {
        "stride": family.stride, "padding": place.padding, "dilation": family.dilation,
        "padding_mode": draw.choice(MODES), "flip": draw.random() < 0.3, "overflow": family.overflow,
        "nan": family.nan, "accuracy": family.accuracy, "out_dtype": family.out_dtype,
    }  # fmt: skip
    if family.operation == "apply":
        options["channel_axis"] = draw.choice((None, 0, -1))
    else:
        options |= {"groups": family.groups, "layout": family.layout}
    if family.operation == "conv_transpose" and any(place.left):
        options["output_padding"] = place.left
    first, second, shape = _shapes(draw, family, place, options)
    kind = values.choice(("whole", "whole", "real", "wide", "holes"))
    if kind == "wide" and kind_of(family.sums) != "integer":
        kind = "whole"  # integers of 64 bits that no float holds have no exact sums to compare
    numbers = np.random.default_rng(values.randrange(2**32))
    arrays = [_numbers(numbers, *one, kind) for one in zip((first, second), family.dtypes, strict=True)]
    if family.operation != "weight_grad":
        arrays[1] = _like_filters(arrays[1], family)
    bias = None
    if family.operation in ("conv", "conv_transpose") and draw.random() < 0.4:
        many = family.filters if family.operation == "conv" else family.channels
        bias = _numbers(numbers, (family.groups * many,), family.dtypes[0], "whole")
    if kind == "holes" and arrays[0].dtype.kind in "fcV":
        arrays[0][numbers.random(arrays[0].shape) < 0.05] = values.choice((np.nan, np.inf))
    return Crossing(family, *(held(draw, one) for one in arrays), bias, shape, options, kind, place)


def _shapes(
    draw: random.Random, family: Family, place: Place, options: dict[str, Any]
) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of the two arrays that go in, and of the result that gradients are told."""
    weight = (family.groups * family.filters, family.channels, *family.taps)
    image = _shape(family, place.batch, family.groups * family.channels, place.size)
    output = _shape(family, place.batch, family.groups * family.filters, place.outputs)
    if family.operation == "apply":
        channels = draw.choice((1, 3, 4))
        shapes = {None: place.size, 0: (channels, *place.size), -1: (*place.size, channels)}
        return shapes[options["channel_axis"]], family.taps, ()
    if family.operation in ("conv_transpose", "input_grad"):
        return output, weight, image
    return image, output if family.operation == "weight_grad" else weight, weight


def _shape(family: Family, batch: int, channels: int, size: tuple[int, ...]) -> tuple[int, ...]:
    last = family.layout == "channels_last"
    return (batch, *size, channels) if last else (batch, channels, *size)


def _numbers(numbers: Any, shape: tuple[int, ...], name: str, values: str) -> Any:
    """Return random numbers; "whole" ones are small, half of them halves where the dtype has these."""
    dtype = dtype_of(name)
    if name == "bool":
        return numbers.random(shape) < 0.7
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        low, high = (info.min, info.max) if values == "wide" else (-4 if dtype.kind == "i" else 0, 4)
        return numbers.integers(low, high, shape, dtype=dtype, endpoint=True)
    drawn = numbers.standard_normal(shape) if values == "real" else numbers.integers(-8, 9, shape) / 2
    if dtype.kind == "c":
        drawn = drawn + 1j * numbers.permutation(drawn.ravel()).reshape(shape)
    return drawn.astype(dtype)


def _like_filters(weight: Any, family: Family) -> Any:
    """Return weights of the family's kind: any, all the same, or for two dimensions and more of rank 1."""
    taps = family.dims
    if family.weights == "flat":
        first = weight[(..., *(slice(1),) * taps)]
        return np.broadcast_to(first, weight.shape).copy()
    if family.weights == "outer" and taps > 1:
        row = weight[(..., *(slice(1),) * (taps - 1), slice(None))]
        column = weight[(..., slice(None), *(slice(1),) * (taps - 1))]
        signs = column if family.dtypes[1] == "bool" else np.where(column.real < 0, -1, 1)
        return (row * signs * np.ones_like(weight)).astype(weight.dtype)
    return weight
