"""The slice of tests that bugs in the compiler must fall to: small convolutions over few routines.

Nothing is drawn: whoever survives today survives tomorrow. Tiles and blocks are forced, so that small sizes
have every border, remainder and part that large ones have. All memory around and before is full of NaN.
"""

import ctypes
import math
import mmap
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Way:
    """How a routine is forced to work: its tile, and what one item does."""

    method: str
    tile: tuple[int, int, int]
    block: tuple[int, int, int] = (2, 3, 11)
    channels: int = 99
    panels: int = 1
    kind: str = ""
    target: str = "avx2"


@dataclass(frozen=True)
class Spec:
    """One convolution."""

    way: Way
    image: Sizes
    weight: Sizes
    options: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    threads: int = 1
    activation: str = "none"
    form: str = "plain"
    special: float | None = None


@dataclass
class Case:
    """A spec with its numbers and the reference's results, for each of three calls."""

    spec: Spec
    images: list[Any]
    weights: list[Any]
    biases: list[Any]
    expected: list[Any]


CHANNELS = Way("contract", (2, 2, 1), channels=2)
TALL = Way("contract", (6, 2, 1), channels=3)
POINTS = Way("contract", (4, 1, 1), (1, 2, 13), channels=3)
ROWS = Way("stencil", (2, 3, 2))
DIRECT = Way("stencil", (1, 2, 1), kind="direct")
WHOLE = Way("stencil", (2, 3, 1), kind="whole")
EACH = Way("depthwise", (3, 1, 1))
ALL = (99, 99, 99)
PASSES = Way("separable", (1, 2, 3), (2, 7, 30))
BOXES = Way("separable", (1, 2, 3), (2, 24, 30), kind="boxes")
SQUARES = Way("winograd", (3, 2, 4), (1, 8, 12))
SMALL_SQUARES = Way("winograd", (2, 1, 2), (1, 4, 6))
LAST = {"layout": "channels_last"}
OLD = "x86-64"


def specs() -> Iterator[Spec]:
    """Yield the specs, those that differ most first."""
    yield Spec(CHANNELS, (2, 5, 9, 22), (19, 5, 3, 3), {"padding": ((1, 2), (3, 1))})
    yield Spec(ROWS, (2, 3, 9, 41), (3, 3, 3, 3), {"padding": ((2, 1), (1, 3))})
    yield Spec(DIRECT, (2, 2, 11, 37), (2, 2, 3, 3), {"padding": 1, "padding_mode": "reflect"})
    yield Spec(WHOLE, (2, 2, 7, 21), (3, 2, 3, 3), {"padding": ((1, 0), (2, 1)), "padding_mode": 3})
    yield Spec(POINTS, (2, 7, 5, 9), (19, 7, 1, 1))
    yield Spec(replace(POINTS, block=(1, 1, 3)), (2, 7, 5, 9), (19, 7, 1, 1), {"stride": 2})
    yield from _depthwise()
    yield from _squares()
    yield from _many_taps()
    yield from _steps()
    yield from _layouts()
    yield from _three_dimensions()
    yield from _boundaries()
    yield from _sizes()
    yield from _callers()
    yield from _old_machines()
    yield from _separable()
    yield from _boxes()


def _depthwise() -> Iterator[Spec]:
    """Vectors of channels, of which the last is moved back; rows that fill squares of 8, of 4 and none."""
    own = {"groups": 11}
    for size in (21, 6, 3, 2):
        yield Spec(EACH, (2, 11, 5, size), (11, 1, 3, 3), {**own, "padding": ((1, 2), (2, 1))})
    yield Spec(
        EACH,
        (2, 9, 21, 11),
        (11, 1, 5, 2),
        {**own, **LAST, "stride": 2, "padding_mode": "reflect", "padding": 2},
    )
    whole = replace(EACH, kind="whole", block=ALL)
    yield Spec(whole, (2, 11, 7, 13), (11, 1, 3, 3), {**own, "padding": 1, "padding_mode": 3})
    yield Spec(
        whole, (2, 5, 4, 11), (11, 1, 2, 3), {**own, **LAST, "padding": ((0, 1), (2, 0)), "dilation": 2}
    )
    yield Spec(EACH, (2, 11, 4, 9), (11, 1, 3, 3), {**own, "padding": 2, "padding_mode": "circular"})
    yield Spec(EACH, (1, 11, 3, 40), (11, 1, 1, 23), own)
    yield Spec(EACH, (1, 11, 3, 4, 5), (11, 1, 2, 2, 2), {**own, "padding": 1})
    yield Spec(EACH, (1, 11, 4, 9), (11, 1, 3, 3), own, dtype="float64", activation="relu")


def _squares() -> Iterator[Spec]:
    """Winograd's method: tiles within and beyond the edges, of both sizes, in every layout."""
    yield Spec(SQUARES, (2, 9, 13, 31), (19, 9, 3, 3), {"padding": ((1, 2), (3, 1))})
    yield Spec(SMALL_SQUARES, (1, 8, 7, 13), (11, 8, 3, 3), {"padding": 1, "padding_mode": "reflect"})
    yield Spec(SQUARES, (1, 9, 20, 16), (33, 16, 3, 3), {**LAST, "padding": 0}, threads=2)
    yield Spec(SMALL_SQUARES, (1, 8, 11, 17), (9, 8, 3, 3), {"padding": 2, "dilation": (2, 3)})
    yield Spec(replace(SQUARES, panels=2), (2, 18, 9, 5), (70, 9, 3, 3), {"padding": 4, "groups": 2})
    yield Spec(SMALL_SQUARES, (1, 8, 6, 9), (8, 8, 3, 3), {"padding": 2, "padding_mode": 3}, form="apart")
    yield Spec(SQUARES, (1, 8, 9, 12), (17, 8, 3, 3), {"padding": 1}, activation="relu")
    for special in (math.nan, math.inf):
        yield Spec(SQUARES, (1, 8, 9, 12), (17, 8, 3, 3), {"padding": 1}, special=special)
    yield Spec(replace(SQUARES, target=OLD), (1, 5, 9, 12), (9, 5, 3, 3), {"padding": 1})


def _many_taps() -> Iterator[Spec]:
    """Filters whose taps are looped over."""
    yield Spec(TALL, (1, 7, 9, 23), (17, 7, 5, 5), {"padding": 2})
    yield Spec(Way("contract", (4, 1, 1), (1, 1, 11), 2), (1, 3, 150), (9, 3, 101), {"padding": ((3, 40),)})
    yield Spec(Way("stencil", (1, 2, 1)), (1, 2, 130), (1, 2, 121), {"padding": ((1, 30),), "stride": 2})
    yield Spec(Way("stencil", (2, 4, 3)), (1, 2, 29, 30), (3, 2, 25, 2), {"padding": 3})
    yield Spec(Way("stencil", (1, 5, 2), ALL), (1, 1, 27, 20), (1, 1, 23, 3), {"padding": 1})


def _steps() -> Iterator[Spec]:
    """Strides and dilations."""
    for size in (8, 21, 46, 47):
        yield Spec(ROWS, (2, 2, 9, size), (3, 2, 3, 3), {"stride": (1, 2), "padding": 3})
    yield Spec(ROWS, (1, 2, 9, 47), (3, 2, 3, 3), {"stride": (1, 2), "padding": 0})
    yield Spec(replace(ROWS, block=(2, 3, 5)), (1, 2, 6, 47), (3, 2, 3, 3), {"stride": (1, 2), "padding": 3})
    yield Spec(ROWS, (1, 1, 80), (2, 1, 9), {"dilation": 4})
    wide = {"dilation": (1, 15), "padding": ((1, 1), (2, 60))}
    yield Spec(replace(DIRECT, block=ALL), (1, 1, 6, 5), (1, 1, 3, 3), wide)
    narrow = replace(ROWS, block=(1, 2, 2))
    yield Spec(narrow, (1, 1, 4, 7), (2, 1, 3, 3), {"stride": (1, 2), "padding": ((1, 1), (3, 12))})
    yield Spec(WHOLE, (1, 2, 9, 60), (3, 2, 2, 3), {"stride": (2, 3), "dilation": (1, 2), "padding": 2})
    for width, before in ((21, 1), (46, 2), (46, 3)):
        deal = {"stride": (1, 2), "padding": ((1, 0), (before, 3))}
        yield Spec(WHOLE, (2, 2, 7, width), (3, 2, 3, 3), deal)
    deep = {"stride": (1, 1, 2), "padding": ((2, 1), (1, 2), (1, 2))}
    yield Spec(WHOLE, (1, 2, 4, 5, 44), (2, 2, 2, 2, 3), deep)
    yield Spec(WHOLE, (1, 2, 7, 16), (3, 2, 3, 3), {"stride": (1, 2), "padding": 1})
    yield Spec(CHANNELS, (2, 3, 11, 25), (17, 3, 2, 3), {"stride": (2, 3), "dilation": (3, 2), "padding": 1})
    yield Spec(CHANNELS, (1, 3, 11, 25), (17, 3, 1, 1), {"stride": (2, 3), "padding": 1})
    yield Spec(ROWS, (1, 3, 11, 40), (3, 3, 1, 1), {"stride": 2, "padding": ((0, 0), (1, 1))})
    yield Spec(DIRECT, (2, 1, 19, 37), (2, 1, 3, 3), {"stride": (2, 1), "dilation": (1, 3), "padding": 2})


def _layouts() -> Iterator[Spec]:
    """Channels last, wide numbers, and arrays whose neighbours are apart."""
    last = {**LAST, "padding": ((1, 2), (2, 1))}
    yield Spec(CHANNELS, (2, 7, 12, 10), (19, 10, 3, 2), last)
    yield Spec(CHANNELS, (2, 7, 12, 5), (17, 5, 3, 2), {**last, "padding_mode": "circular"})
    yield Spec(ROWS, (2, 7, 25, 4), (6, 2, 3, 3), {**LAST, "groups": 2, "padding": 1})
    yield Spec(CHANNELS, (1, 3, 9, 14), (9, 3, 3, 3), {"padding": 1}, "float64")
    yield Spec(ROWS, (1, 3, 9, 24), (3, 3, 3, 3), {"stride": (1, 2), "padding": 1}, "float64")
    for form in ("reversed", "sliced", "apart"):
        yield Spec(ROWS, (2, 2, 8, 21), (3, 2, 3, 3), {"padding": 2}, form=form)
        yield Spec(CHANNELS, (2, 3, 6, 12), (17, 3, 3, 3), {"padding": 1}, form=form)
        yield Spec(POINTS, (1, 5, 4, 9), (9, 5, 1, 1), form=form)
    yield Spec(POINTS, (1, 5, 4, 9), (9, 5, 1, 1), form="turned weights")
    whole = replace(DIRECT, block=ALL)
    for channels, form in ((3, "photograph"), (2, "photograph"), (3, "photograph, many filters")):
        yield Spec(whole, (2, channels, 8, 21), (channels, 1, 3, 3), {"padding": 2}, form=form)
    yield Spec(CHANNELS, (1, 6, 9, 5), (17, 5, 3, 3), LAST, form="apart")
    yield Spec(ROWS, (2, 2, 8, 21), (3, 2, 3, 3), form="turned image")


def _three_dimensions() -> Iterator[Spec]:
    deep = {"stride": (2, 1, 1), "dilation": (1, 2, 1), "padding": ((2, 1), (1, 0), (1, 2))}
    yield Spec(CHANNELS, (1, 3, 7, 6, 12), (17, 3, 3, 2, 2), deep)
    yield Spec(ROWS, (1, 2, 7, 6, 22), (3, 2, 3, 2, 2), deep)
    yield Spec(CHANNELS, (1, 3, 5, 6, 12), (17, 3, 1, 2, 2), {"stride": (2, 1, 1)})
    yield Spec(CHANNELS, (1, 3, 5, 6, 12), (17, 3, 2, 1, 2))
    yield Spec(DIRECT, (1, 2, 7, 6, 14), (2, 2, 2, 2, 2), {"padding": 1, "padding_mode": "replicate"})
    yield Spec(
        replace(WHOLE, block=ALL), (2, 2, 5, 6, 14), (2, 2, 2, 2, 2), {"padding": ((2, 1), (1, 1), (1, 1))}
    )
    yield Spec(replace(POINTS, block=(2, 2, 5)), (1, 4, 5, 5, 7), (9, 4, 1, 1, 1), {"stride": (2, 1, 1)})


def _boundaries() -> Iterator[Spec]:
    for mode in ("zeros", "reflect", "symmetric", "replicate", "circular", 3):
        options = {"padding": ((3, 2), (2, 4)), "padding_mode": mode, "flip": mode == "reflect"}
        yield Spec(CHANNELS, (1, 3, 6, 7), (17, 3, 3, 3), options)
        yield Spec(ROWS, (1, 2, 6, 7), (3, 2, 3, 3), options)


def _sizes() -> Iterator[Spec]:
    """Sizes below, at and above those of tiles and vectors; several threads and panels."""
    for width in (3, 8, 9, 16, 17):
        yield Spec(CHANNELS, (1, 2, 4, width), (33, 2, 3, 3), {"padding": 1}, threads=2)
    for pads in ((1, 0), (0, 1)):
        yield Spec(replace(POINTS, block=(1, 5, 2)), (1, 5, 9, 7), (9, 5, 1, 1), {"padding": (pads, pads)})
    yield Spec(replace(POINTS, block=(1, 5, 2)), (1, 5, 11, 7), (9, 5, 1, 1), {"stride": 2})
    for width in (3, 16, 18):
        yield Spec(DIRECT, (2, 1, 8, width), (1, 1, 3, 3), {"padding": 0}, threads=2)
    many = replace(CHANNELS, panels=2, channels=1, block=ALL)
    yield Spec(many, (2, 3, 6, 12), (70, 3, 3, 3), {"padding": 1}, threads=2)
    yield Spec(replace(many, channels=99), (2, 8, 6, 12), (140, 4, 3, 3), {"padding": 1, "groups": 2})
    yield Spec(replace(ROWS, panels=2), (1, 4, 6, 17), (10, 2, 3, 3), {"padding": 1, "groups": 2}, threads=2)
    yield Spec(CHANNELS, (1, 1, 1, 1), (1, 1, 3, 3), {"padding": 1})
    yield Spec(WHOLE, (3, 6, 5, 12), (6, 2, 3, 3), {"padding": 1, "groups": 3})
    yield Spec(Way("usual", (1, 1, 1)), (1, 2, 5, 7), (3, 2, 3, 3), {"padding": 1})
    yield Spec(Way("stencil", (3, 1, 2)), (1, 2, 3, 37), (4, 2, 3, 3), {"padding": 1})
    yield Spec(replace(POINTS, tile=(1, 2, 1)), (1, 5, 3, 7), (33, 5, 1, 1))
    yield Spec(WHOLE, (1, 2, 5, 12), (1, 2, 3, 3), {"padding": ((4, 4), (9, 9))})


def _callers() -> Iterator[Spec]:
    """Activations, and numbers that are none."""
    for activation in ("relu", "relu6"):
        yield Spec(CHANNELS, (1, 3, 5, 12), (17, 3, 3, 3), {"padding": 1}, activation=activation)
        yield Spec(ROWS, (1, 2, 5, 33), (3, 2, 3, 3), {"padding": 1}, activation=activation)
        yield Spec(DIRECT, (1, 2, 8, 33), (3, 2, 3, 3), {"padding": 1}, activation=activation)
    yield Spec(CHANNELS, (1, 3, 5, 12), (17, 3, 3, 3), {"padding": 1}, special=math.nan)
    yield Spec(CHANNELS, (1, 3, 5, 12), (17, 3, 3, 3), {"nan": "ignore"}, special=math.nan)
    yield Spec(ROWS, (1, 2, 5, 33), (3, 2, 3, 3), {"padding": 1}, special=math.inf)
    yield Spec(POINTS, (1, 5, 4, 9), (9, 5, 1, 1), {"padding": 0}, special=math.inf)
    yield Spec(CHANNELS, (1, 4, 5, 12), (34, 2, 3, 3), {"padding": 1, "groups": 2}, special=math.inf)
    for pads in (((1, 0), (0, 0)), ((0, 0), (0, 1))):
        yield Spec(CHANNELS, (1, 3, 5, 12), (17, 3, 3, 3), {"padding": pads}, special=-math.inf)


def _separable() -> Iterator[Spec]:
    """Sums of products of lines, a pass along each dimension."""
    for size, taps in (((23, 61), (7, 9)), ((9, 90), (5, 21)), ((33, 40), (18, 3))):
        around = {"padding": ((2, 3), (4, 1)), "padding_mode": "reflect"}
        yield Spec(PASSES, (2, 1, *size), (1, 1, *taps), around, form="lines")
    yield Spec(
        replace(PASSES, block=(1, 40, 300)), (1, 1, 30, 290), (2, 1, 35, 5), {"padding": 9}, form="lines"
    )
    yield Spec(
        replace(PASSES, tile=(1, 1, 2)),
        (1, 2, 40, 50),
        (2, 1, 7, 7),
        {"groups": 2},
        "float64",
        2,
        form="lines",
    )
    spread = {"padding": 3, "dilation": (2, 3), "padding_mode": "circular"}
    yield Spec(PASSES, (1, 1, 40, 50), (1, 1, 5, 11), spread, activation="relu", form="two terms")
    yield Spec(
        PASSES, (1, 1, 9, 21, 40), (1, 1, 3, 5, 7), {"padding": ((1, 2), (2, 0), (3, 5))}, form="lines"
    )
    deep = {"dilation": (2, 1, 1), "padding_mode": "symmetric", "padding": 2}
    yield Spec(PASSES, (1, 1, 14, 10, 40), (1, 1, 7, 3, 3), deep, form="two terms")
    yield Spec(PASSES, (1, 3, 40, 50), (3, 1, 7, 9), {"padding": 3}, form="photograph of lines")
    yield Spec(PASSES, (1, 1, 23, 61), (1, 1, 7, 9), {"padding": 1}, special=math.nan, form="lines")
    yield Spec(replace(PASSES, target=OLD), (1, 1, 23, 61), (1, 1, 7, 9), {"padding": 1}, form="lines")


def _boxes() -> Iterator[Spec]:
    """Lines of equal weights: neighbouring outputs share sums, in blocks of whole tiles."""
    around = {"padding": ((2, 3), (4, 1)), "padding_mode": "reflect"}
    yield Spec(BOXES, (2, 1, 43, 61), (1, 1, 12, 17), around, form="box")
    yield Spec(replace(BOXES, block=(1, 64, 300)), (1, 1, 90, 290), (2, 1, 35, 9), {"padding": 5}, form="box")
    yield Spec(BOXES, (1, 1, 43, 61), (1, 1, 12, 5), around, form="box and line")
    yield Spec(BOXES, (1, 1, 23, 90), (1, 1, 5, 21), around, form="line and box")
    yield Spec(replace(BOXES, block=(1, 9, 40)), (1, 1, 30, 40), (1, 1, 9, 11), {}, "float64", form="box")
    yield Spec(replace(BOXES, block=(9, 20, 40)), (1, 1, 19, 25, 31), (1, 1, 9, 10, 11), form="box")
    yield Spec(BOXES, (1, 3, 40, 50), (3, 1, 12, 9), {"padding": 3}, form="photograph of a box")
    yield Spec(BOXES, (1, 1, 43, 61), (1, 1, 12, 17), {"padding": 1}, special=math.nan, form="box")
    yield Spec(replace(BOXES, target=OLD), (1, 1, 30, 61), (1, 1, 12, 9), {"padding": 1}, form="box")


def _old_machines() -> Iterator[Spec]:
    """Without fused multiply-adds."""
    yield Spec(replace(CHANNELS, target=OLD), (1, 3, 6, 12), (9, 3, 3, 3), {"padding": 1})
    yield Spec(replace(CHANNELS, target=OLD, channels=3), (1, 5, 6, 3), (9, 3, 2, 3), LAST, "float64")
    yield Spec(replace(ROWS, target=OLD), (1, 2, 6, 15), (3, 2, 3, 3), {"padding": 1}, "float64")
    yield Spec(replace(ROWS, target=OLD), (1, 2, 6, 17), (3, 2, 3, 3), {"padding": 1, "stride": (1, 2)})


def prepared() -> list[Case]:
    """Return all cases with their numbers, computed by the reference."""
    numbers = np.random.default_rng(21)
    return [_case(spec, numbers) for spec in specs()]


def _case(spec: Spec, numbers: Any) -> Case:
    shape = spec.image
    images = [_image(numbers, shape, spec) for _ in range(3)]
    weights = [_whole(numbers, spec.weight, spec.dtype) for _ in range(3)]
    if spec.form == "photograph, many filters":
        weights = [np.ascontiguousarray(weight[:, 0])[:, None] for weight in weights]
    if spec.form == "photograph":
        weights = [np.broadcast_to(weight[:1], spec.weight) for weight in weights]
    if any(word in spec.form for word in ("lines", "two terms", "box")):
        weights = [_lines(numbers, spec) for _ in range(3)]
    if spec.form == "turned weights":
        weights = [np.asfortranarray(weight) for weight in weights]
    if spec.special is not None:
        images[0].flat[images[0].size // 2] = spec.special
        weights[1].flat[-1] = weights[2].flat[0] = spec.special
    biases = [
        _whole(numbers, spec.weight[:1], spec.dtype),
        _whole(numbers, spec.weight[:1], spec.dtype),
        None,
    ]
    if "photograph" in spec.form:
        biases = [None] * 3
    case = Case(spec, images, weights, biases, [])
    case.expected = [_reference(case, i) for i in range(3)]
    return case


def _whole(numbers: Any, shape: Sizes, dtype: str) -> Any:
    return _fenced(numbers.integers(-4, 5, shape).astype(dtype))


def _lines(numbers: Any, spec: Spec) -> Any:
    """Return filters that are products of lines, or sums of two, without a zero."""
    filters = 1 if "photograph" in spec.form else spec.weight[0]
    weight = np.zeros((filters, *spec.weight[2:]))
    for _ in range(2 if spec.form == "two terms" else 1):
        term = np.ones((filters, 1))
        for place, taps in enumerate(spec.weight[2:]):
            line = numbers.integers(1, 4, (filters, taps)) * numbers.choice([-1, 1], (filters, taps))
            if _is_box(spec.form, place):
                line[:] = line[:, :1]
            term = term[..., None] * line.reshape(filters, *[1] * (term.ndim - 1), taps)
        weight += term[:, 0]
    weight = _fenced((weight[:, None] * (0.5 if spec.form == "two terms" else 1)).astype(spec.dtype))
    return weight if weight.shape == spec.weight else np.broadcast_to(weight, spec.weight)


def _is_box(form: str, place: int) -> bool:
    """Whether the factors along a dimension are equal: "box" alone says that all are."""
    words = form.removeprefix("photograph of a ").split(" and ")
    return words[place] == "box" if len(words) > 1 else words == ["box"]


def _fenced(array: Any) -> Any:
    """Return the same numbers with NaN before them, and behind them memory that nobody may read."""
    page = mmap.PAGESIZE
    room = mmap.mmap(-1, (array.nbytes // page + 3) * page)
    whole = np.frombuffer(room, np.uint8)
    end = len(whole) - page
    ctypes.CDLL(None).mprotect(ctypes.c_void_p(whole.ctypes.data + end), page, 0)
    floats = whole[:end].view(array.dtype)
    floats[:] = np.nan
    floats[end // array.itemsize - array.size :] = array.ravel()
    return floats[end // array.itemsize - array.size :].reshape(array.shape)


def _image(numbers: Any, shape: Sizes, spec: Spec) -> Any:
    """Return an image in the memory layout that its form says."""
    if "photograph" in spec.form:
        pixels = (shape[0], *shape[2:], shape[1])
        return np.moveaxis(_whole(numbers, pixels, spec.dtype), -1, 1)
    if spec.form == "turned image":
        return np.swapaxes(_whole(numbers, (*shape[:-2], shape[-1], shape[-2]), spec.dtype), -1, -2)
    if spec.form == "reversed":
        return _whole(numbers, shape, spec.dtype)[..., ::-1]
    if spec.form in ("sliced", "apart"):
        step = 2 if spec.form == "apart" else 1
        wide = np.full((*shape[:-1], step * shape[-1] + 3), np.nan, spec.dtype)
        wide[..., 2 : 2 + step * shape[-1] : step] = numbers.integers(-4, 5, shape)
        return wide[..., 2 : 2 + step * shape[-1] : step]
    return _whole(numbers, shape, spec.dtype)


def _options(spec: Spec) -> dict[str, Any]:
    if "photograph" in spec.form:
        return {**spec.options, "groups": spec.image[1]}
    return spec.options


def _call(case: Case, call: int, **more: Any) -> Any:
    import convolve  # anew in every process: a bug may have been planted

    function = getattr(convolve, f"conv{len(case.spec.image) - 2}d")
    with np.errstate(invalid="ignore"):
        arrays = case.images[call], case.weights[call], case.biases[call]
        return function(*arrays, **_options(case.spec), **more)


def _reference(case: Case, call: int) -> Any:
    result = _call(case, call, algorithm="reference")
    if case.spec.activation == "none":
        return result
    return np.clip(result, 0, 6 if case.spec.activation == "relu6" else None)


def check(cases: list[Case]) -> None:
    """Compare every case, called in all ways, with the reference's results."""
    from convolve.api import dispatch
    from convolve.runtime import engine, execution, threads

    force = _Force(engine.plan_of)
    engine.plan_of = force
    engine.factors = _fenced_factors(engine.factors)
    for number, case in enumerate(cases):
        execution.LARGE_BYTES = (number % 2) * 99_999 - 1  # few weights are many, too
        if not on_target(case.spec.way.target):
            continue
        force.spec = case.spec
        force.asked.clear()
        engine.execution.cache_clear()
        dispatch._recipes.clear()
        threads._own_scratch.size = 0  # the next one is full of NaN again
        threads.set_num_threads(case.spec.threads)
        _check_case(case, force)
        if force.asked:
            _check_borrowing(engine.execution(force.asked[-1]))


def _fenced_factors(usual: Callable[..., Any]) -> Callable[..., Any]:
    """Return what finds factors and puts them where nobody can read beyond them."""

    def factors(weights: Any) -> Any:
        found = usual(weights)
        return None if found is None else replace(found, packed=_fenced(found.packed))

    return factors


def on_target(name: str) -> bool:
    """Make code for a target from now on; False if this machine has no such instructions.

    On machines without AVX2 their own code is looked at instead, so that sizes mean the same where they can.
    """
    from convolve.runtime import host

    os.environ.pop(host.VARIABLE, None)
    host.host_target.cache_clear()
    runs = name in {target.name for target in host.runnable()}
    if runs:
        os.environ[host.VARIABLE] = name
    return runs or name != OLD


class _Force:
    """Stands in for the planner."""

    def __init__(self, usual: Callable[..., Any]) -> None:
        self.usual = usual
        self.spec: Any = None
        self.asked: list[Any] = []

    def __call__(self, asked: Any, target: Any) -> Any:
        from convolve.compiler.costs import Choice
        from convolve.compiler.planner import planned

        self.asked.append(asked)
        way = self.spec.way
        redone = way.method == "winograd" and not asked.geometry.transforms
        unknown = way.method == "separable" and not asked.sizes.terms  # no values of weights were seen
        if way.method == "usual" or redone or unknown:
            return self.usual(asked, target)
        if way.method == "separable":
            return _passes(asked, target, way)
        cycles = 1e6 if self.spec.threads > 1 else 1e3
        straight = asked.geometry.reads == asked.geometry.writes == "x"
        kind = {name: straight and way.kind == name for name in ("direct", "whole")}
        kind["whole"] = kind["whole"] or (way.method == "depthwise" and way.kind == "whole")
        best = Choice(way.method, way.tile, cycles, 0.5, **kind)
        plan = planned(best, [best], asked.sizes, asked.geometry, target, asked.threads)
        if not best.whole:
            block = tuple(max(1, min(b, o)) for b, o in zip(way.block, asked.sizes.output, strict=True))
            plan = replace(plan, block=block)
        if way.method == "contract":
            plan = replace(plan, channels_at_once=min(way.channels, asked.sizes.channels))
        return replace(plan, panels_at_once=way.panels)


def _passes(asked: Any, target: Any, way: Way) -> Any:
    """Return a plan of separable passes with the tile and the block of a way."""
    from convolve.compiler.passes import _boxes as boxes_of
    from convolve.compiler.passes import plan_passes

    plan = plan_passes(asked.sizes, asked.geometry, target, asked.threads)
    block = tuple(max(1, min(b, o)) for b, o in zip(way.block, asked.sizes.output, strict=True))
    boxes = boxes_of(plan.code, asked.sizes, target) if way.kind == "boxes" else (False, False, False)
    return replace(plan, code=replace(plan.code, tile=way.tile, boxes=boxes), block=block)


def _check_case(case: Case, force: _Force) -> None:
    spec = case.spec
    if spec.activation == "none":
        for call in range(3):
            _check_out(case, call)
    if spec.activation == "none" and "photograph" not in spec.form:
        # The third call finds the bias of the second; the fourth goes by way of a recipe.
        for call in (0, 1, 2, 0, 1, 0):
            _same(_call(case, call), case.expected[call], case)
    if "photograph" not in spec.form and spec.special is None:
        _check_bound(case, force)


def _check_borrowing(ready: Any) -> None:
    """Take two workspaces at once, as two threads do: nobody may get what another one has."""
    for _ in range(2):
        first, second = ready.borrow(), ready.borrow()
        assert first is not second
        ready.give_back(first)
        ready.give_back(second)


def _check_out(case: Case, call: int) -> None:
    """Write into an array with NaN all around it."""
    wanted = case.expected[call]
    if case.spec.form == "plain":
        room = np.full(wanted.size + 128, np.nan, wanted.dtype)
        out = room[64:-64].reshape(wanted.shape)
    else:
        step = 2 if case.spec.form == "apart" else 1
        if "photograph" in case.spec.form:
            room = np.full((*np.moveaxis(wanted, 1, -1).shape,), np.nan, wanted.dtype)
            out = np.moveaxis(room, -1, 1)
        else:
            room = np.full((*wanted.shape[:-1], step * wanted.shape[-1] + 5), np.nan, wanted.dtype)
            out = room[..., 3 : 3 + step * wanted.shape[-1] : step]
    _call(case, call, out=out)
    _same(out, wanted, case)
    finite = np.isfinite(wanted).all()
    assert not finite or np.isfinite(room).sum() == wanted.size, f"{case.spec}: written elsewhere"


def _check_bound(case: Case, force: _Force) -> None:
    """Bind weights; the plan that is shown must be the one that plain arrays are computed by."""
    import convolve
    from convolve.runtime import engine

    spec = case.spec
    planned = convolve.plan(
        case.images[0].shape, case.weights[0].shape, dtype=spec.dtype, bias=True, activation=spec.activation,
        **spec.options,
    )  # fmt: skip
    bound = planned.bind(case.weights[0], case.biases[0])
    engine.execution.cache_clear()
    force.asked.clear()
    for _ in range(2):
        _same(bound(case.images[0]), case.expected[0], case)
    assert planned.plan
    assert len(force.asked) == 2, case.spec
    assert spec.form != "plain" or spec.way.method == "separable" or force.asked[0] == force.asked[1], (
        case.spec
    )


def _same(result: Any, wanted: Any, case: Case) -> None:
    assert result.dtype == wanted.dtype, case.spec
    if case.spec.form == "two terms":  # their factors are no whole numbers
        assert np.allclose(result, wanted, 1e-4, 1e-3), case.spec
        return
    if case.spec.way.method == "winograd":  # whole numbers, but for roundings
        result = np.rint(result)
    assert np.array_equal(result, wanted, equal_nan=True), case.spec
