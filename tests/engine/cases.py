"""Random convolutions over a bounded pool of routines: compiling one takes 0.1 s, a call microseconds.

A `Geometry` fixes what code is specialised to; sizes, paddings, boundaries, memory layouts and values are
drawn anew for every case.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import convolve
from convolve.dtypes import kind_of, parse_dtype

MODES = ("zeros", "zeros", "reflect", "symmetric", "replicate", "circular", 3)
FORMS = ("plain", "plain", "reversed", "fortran", "sliced", "misaligned", "read-only", "big-endian")


@dataclass(frozen=True)
class Geometry:
    """What routines are specialised to, besides the tile, which follows from channels and sizes."""

    dims: int
    taps: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    channels: int
    filters: int
    dtype: str
    layout: str
    weight_dtype: str = ""
    options: tuple[tuple[str, Any], ...] = ()
    """out_dtype and overflow, which change the code too."""
    separable: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight_dtype", self.weight_dtype or self.dtype)


@dataclass
class Case:
    """One convolution: arrays as a caller might hold them, and options."""

    geometry: Geometry
    image: Any
    weight: Any
    bias: Any
    options: dict[str, Any]

    def call(self, **more: Any) -> Any:
        """Call the public function."""
        function = getattr(convolve, f"conv{self.geometry.dims}d")
        return function(self.image, self.weight, self.bias, **{**self.options, **more})

    def bound(self) -> Any:
        """Call by way of a plan with bound weights."""
        planned = convolve.plan(
            self.image.shape, self.weight.shape, dtype=self.geometry.dtype,
            weight_dtype=self.geometry.weight_dtype, bias=self.bias is not None, **self.options,
        )  # fmt: skip
        return planned.bind(self.weight, self.bias)(self.image)

    @property
    def may_be_transformed(self) -> bool:
        """Whether Winograd's method may be chosen, whose sums of whole numbers are not exact."""
        geometry = self.geometry
        flat = geometry.taps == (3, 3) and geometry.dtype == "float32"
        return flat and geometry.stride == geometry.dilation == (1, 1) and geometry.channels >= 16

    def same(self, result: Any, expected: Any) -> bool:
        """Whether a result of whole numbers is what is expected, bit for bit but for transforms."""
        return np.array_equal(np.rint(result) if self.may_be_transformed else result, expected)

    @property
    def products(self) -> int:
        """Products of one sum."""
        return int(np.prod(self.weight.shape[1:]))


PAIRS = (
    ("float32", "float32"), ("float32", "float32"), ("float64", "float64"), ("uint8", "int8"),
    ("int8", "int8"), ("uint8", "uint8"), ("uint8", "float32"), ("int16", "int8"), ("bool", "uint16"),
    ("int32", "int8"), ("uint64", "int16"), ("float16", "float16"), ("bfloat16", "bfloat16"),
    ("complex64", "complex64"), ("int64", "uint32"),
)  # fmt: skip
"""dtypes of image and weight."""

INTO: dict[str, tuple[dict[str, str], ...]] = {
    "integer": (
        {}, {}, {"out_dtype": "uint8", "overflow": "saturate"}, {"out_dtype": "int16", "overflow": "wrap"},
        {"out_dtype": "float32"}, {"overflow": "saturate"},
    ),
    "float": ({}, {}, {"out_dtype": "uint8", "overflow": "saturate"}, {"out_dtype": "float16"}),
    "complex": ({},),
}  # fmt: skip
"""Kind of results -> what they may be converted to."""


FLOATS = (("float32", "float32"), ("float32", "float32"), ("float64", "float64"))
"""Pairs whose results are float32 and float64, and are not converted."""


def draw_geometry(draw: random.Random, pairs: Sequence[tuple[str, str]] = PAIRS) -> Geometry:
    """Return a geometry; channel counts lie on both sides of a vector's width."""
    dtype, weight_dtype = draw.choice(pairs)
    kinds = {kind_of(parse_dtype(one, "dtype")) for one in (dtype, weight_dtype)}
    kind = "complex" if "complex" in kinds else "float" if "float" in kinds else "integer"
    converted = () if pairs is not PAIRS else tuple(draw.choice(INTO[kind]).items())
    dims = draw.choice((1, 2, 2, 2, 3))
    most = {1: 9, 2: 5, 3: 3}[dims]
    if dims > 1 and draw.random() < 0.25:
        return _separable_geometry(draw, dims, "float64" if dtype == "float64" else "float32")
    kind = draw.choice(("few", "many", "pointwise", "depthwise", "one"))
    taps = tuple(1 if kind == "pointwise" else draw.randint(1, most) for _ in range(dims))
    groups = draw.choice((2, 5, 19)) if kind == "depthwise" else draw.choice((1, 1, 1, 2))
    channels = {"few": 3, "many": draw.choice((8, 17, 40)), "pointwise": draw.choice((5, 33))}.get(kind, 1)
    filters = {"few": 6, "many": draw.choice((7, 16, 35)), "pointwise": draw.choice((4, 24))}.get(kind, 1)
    return Geometry(
        dims,
        taps,
        tuple(draw.choice((1, 1, 2, 3)) for _ in range(dims)),
        tuple(draw.choice((1, 1, 2)) for _ in range(dims)),
        groups,
        channels,
        filters,
        dtype,
        draw.choice(("channels_first", "channels_first", "channels_last")),
        weight_dtype,
        converted,
    )


def _separable_geometry(draw: random.Random, dims: int, dtype: str) -> Geometry:
    """Return a geometry of filters that are products of lines, with taps enough for them to be looked at."""
    few, most = {2: (5, 12), 3: (3, 6)}[dims]
    return Geometry(
        dims,
        tuple(draw.randint(few, most) for _ in range(dims)),
        (1,) * dims,
        tuple(draw.choice((1, 1, 2)) for _ in range(dims)),
        draw.choice((1, 3)),
        1,
        draw.choice((1, 1, 2)),
        dtype,
        draw.choice(("channels_first", "channels_last")),
        separable=True,
    )


def draw_case(draw: random.Random, geometry: Geometry, whole: bool) -> Case:
    """Return a case of a geometry; ``whole`` draws small whole numbers, whose sums are exact."""
    numbers = np.random.default_rng(draw.randrange(2**32))
    reach = [d * (k - 1) + 1 for d, k in zip(geometry.dilation, geometry.taps, strict=True)]
    largest = {1: 90, 2: 26, 3: 9}[geometry.dims]
    size = [draw.randint(1, largest) for _ in reach]
    pads = [(draw.randint(0, 5), draw.randint(0, 5)) for _ in reach]
    for d, extent in enumerate(reach):
        size[d] = max(size[d], extent - sum(pads[d]))
    shape = (draw.randint(1, 3), geometry.groups * geometry.channels, *size)
    if geometry.layout == "channels_last":
        shape = (shape[0], *shape[2:], shape[1])
    weights = (geometry.groups * geometry.filters, geometry.channels, *geometry.taps)
    dtypes = geometry.dtype, geometry.weight_dtype
    image, weight = (_values(numbers, *one, whole) for one in zip((shape, weights), dtypes, strict=True))
    if geometry.separable:
        weight = _product(numbers, weights, dtypes[1], whole)
    bias = _values(numbers, weights[:1], dtypes[1], whole) if draw.random() < 0.5 else None
    options = {
        "stride": geometry.stride, "padding": tuple(pads), "dilation": geometry.dilation,
        "groups": geometry.groups, "layout": geometry.layout, "flip": draw.random() < 0.3,
        "padding_mode": draw.choice(MODES[:-1] if geometry.dtype == "bool" else MODES),
        **dict(geometry.options),
    }  # fmt: skip
    return Case(geometry, held(draw, image), held(draw, weight), bias, options)


def _values(numbers: Any, shape: tuple[int, ...], dtype: str, whole: bool) -> Any:
    """Return values of a dtype: whole ones whose sums are exact, integers up to the ends of their range."""
    kind = parse_dtype(dtype, "dtype")
    if kind_of(kind) == "integer":
        low, high = (0, 1) if dtype == "bool" else (np.iinfo(kind).min, np.iinfo(kind).max)
        most = LARGEST_VALUES.get(dtype, high)
        values = numbers.integers(max(low, -most - 1), min(high, most), shape, "i8", endpoint=True)
    elif kind.kind == "c":
        return _values(numbers, shape, "float32", whole) + np.array(1j, kind) * _values(
            numbers, shape, "float32", whole
        )
    elif whole:
        most = 3 if kind.itemsize == 2 else 8
        values = numbers.integers(-most, most + 1, shape)
    else:
        values = numbers.standard_normal(shape)
    return values.astype(kind)


LARGEST_VALUES = {"int32": 2**31 - 1, "uint32": 2**20, "uint64": 2**36, "int64": 2**30, "int16": 2**15 - 1}
"""Such that sums stay below 2⁶³, and some above 2³¹."""


def _product(numbers: Any, shape: tuple[int, ...], dtype: str, whole: bool) -> Any:
    """Return filters each of which is a product of lines; now and then all of them are the same."""
    one = numbers.random() < 0.3
    filters = 1 if one else shape[0]
    product = np.ones((filters, 1), "d")
    for taps in shape[2:]:
        line = numbers.integers(-3, 4, (filters, taps)) if whole else numbers.standard_normal((filters, taps))
        product = product[..., None] * line.reshape(filters, *[1] * (product.ndim - 1), taps)
    return np.broadcast_to(product, shape).astype(dtype)


def held(draw: random.Random, array: Any) -> Any:
    """Return the same numbers, laid out in memory in one of the ways that callers have."""
    form = draw.choice(FORMS)
    if form == "reversed":
        return np.ascontiguousarray(array[..., ::-1])[..., ::-1]
    if form == "fortran":
        return np.asfortranarray(array)
    if form == "sliced":
        room = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
        room[..., ::2] = array
        return room[..., ::2]
    if form == "misaligned":
        raw = np.zeros(array.nbytes + 1, np.uint8)
        moved = raw[1:].view(array.dtype).reshape(array.shape)
        moved[...] = array
        return moved
    if form == "big-endian" and array.dtype.kind != "V":  # bfloat16 has one byte order
        return array.astype(array.dtype.newbyteorder(">"))
    if form == "read-only":
        array.flags.writeable = False
    return array
