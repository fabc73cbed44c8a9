"""Random calls of everything that works on arrays in parts: what is computed, and on which array."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import convolve
from convolve import filters
from convolve.errors import ConvolveError

MODES = ("zeros", "reflect", "symmetric", "replicate", "circular", 3)
DTYPES = ("float32", "float32", "float32", "float64", "float16", "uint8", "int32", "complex64")
KINDS = ("apply", "channels", "named", "conv", "winograd", "not finite", "transposed", "max", "mean")
NAMES = {
    1: ("gaussian:1.5", "box:9", "gaussian-dx"),
    2: ("sobel", "gaussian:2", "box:9", "prewitt", "gabor-bank:4"),
    3: ("sobel", "gaussian:1", "box:3"),
}
CHANNELS = ((1, 1, 1), (3, 8, 1), (16, 16, 1), (8, 8, 8), (8, 16, 4), (32, 32, 1))


@dataclass(frozen=True)
class Case:
    """One call: ``call(module, array)`` with `convolve` or `convolve.arrays` as the module."""

    text: str
    array: Any
    call: Callable[[Any, Any], Any]

    def expected(self) -> Any:
        """Return the result for the whole array, None if the call is refused."""
        try:
            with np.errstate(all="ignore"):
                return self.call(convolve, self.array)
        except ConvolveError:
            return None


def numbers(draw: random.Random, shape: tuple[int, ...], dtype: str) -> Any:
    """Return random numbers of a dtype."""
    random_ = np.random.default_rng(draw.getrandbits(32))
    if np.dtype(dtype).kind in "iu":
        return random_.integers(0, 100, shape).astype(dtype)
    return (random_.standard_normal(shape) * 9).astype(dtype)


def case(draw: random.Random, kind: str) -> Case:
    """Return a random call of a kind."""
    dims = draw.choice((1, 2, 2, 3)) if kind != "winograd" else 2
    most = {1: 300, 2: 60, 3: 14}[dims]
    size = [draw.randint(4, most) for _ in range(dims)]
    taps = [draw.randint(1, min(one + 3, {1: 40, 2: 15, 3: 5}[dims])) for one in size]
    dtype = draw.choice(DTYPES)
    options: dict[str, Any] = {
        "stride": [draw.choice((1, 1, 2, 3)) for _ in size],
        "padding_mode": draw.choice(MODES),
    }
    if kind in ("apply", "channels", "named"):
        return _application(draw, kind, size, taps, dtype, options)
    if kind in ("max", "mean"):
        return _pooling(draw, kind, size, taps, dtype)
    if kind == "transposed":
        return _transposition(draw, size, taps, dtype)
    return _convolution(draw, kind, size, taps, dtype, options)


def _application(
    draw: random.Random, kind: str, size: list[int], taps: list[int], dtype: str, options: dict[str, Any]
) -> Case:
    shape, axis = list(size), None
    if kind == "channels":
        axis = draw.choice((0, -1, len(size) - 1))
        shape.insert(axis if axis >= 0 else len(size), draw.choice((1, 3, 4, 20)))
    if kind == "named":
        kernel: Any = filters.get(draw.choice(NAMES[len(size)]), ndim=len(size))
        options["padding"] = draw.choice(("same", "valid", 2))
    else:
        kernel = numbers(draw, tuple(taps), draw.choice(("int32", "float32")))
        options |= {
            "padding": draw.choice(("same", "full", 1)),
            "dilation": [draw.choice((1, 2)) for _ in size],
        }
    array = numbers(draw, tuple(shape), dtype)
    text = f"apply {getattr(kernel, 'name', taps)} on {array.dtype}{array.shape}, channels {axis}, {options}"
    return Case(text, array, lambda m, a: m.apply(a, kernel, channel_axis=axis, **options))


def _convolution(
    draw: random.Random, kind: str, size: list[int], taps: list[int], dtype: str, options: dict[str, Any]
) -> Case:
    inputs, outputs, groups = draw.choice(CHANNELS)
    options |= {"dilation": [draw.choice((1, 1, 2)) for _ in size], "padding": draw.choice((0, 1, 2, "same"))}
    if kind == "winograd":
        inputs, outputs, groups, taps, dtype = 32, 32, 1, [3, 3], "float32"
        options["stride"] = 1
    if kind == "not finite":
        dtype = draw.choice(("float32", "float64"))
        options["nan"] = draw.choice(("ignore", "propagate"))
    last = draw.random() < 0.3
    shape = (draw.choice((1, 3)), *((*size, inputs) if last else (inputs, *size)))
    array = numbers(draw, shape, dtype)
    if kind == "not finite" or (kind == "winograd" and draw.random() < 0.5):
        for _ in range(2):
            array.reshape(-1)[draw.randrange(array.size)] = draw.choice((np.nan, np.inf, 3e38))
    weight = numbers(draw, (outputs, inputs // groups, *taps), dtype)
    bias = numbers(draw, (outputs,), dtype) if draw.random() < 0.5 else None
    options |= {"groups": groups, "layout": "channels_last" if last else "channels_first"}
    options["overflow"] = "wrap" if np.dtype(dtype).kind in "iu" else "raise"
    name = f"conv{len(size)}d"
    text = f"{name} of {weight.shape} on {array.dtype}{array.shape}, {options}"
    return Case(text, array, lambda m, a: getattr(m, name)(a, weight, bias, **options))


def _transposition(draw: random.Random, size: list[int], taps: list[int], dtype: str) -> Case:
    inputs, outputs, groups = draw.choice(CHANNELS)
    dtype = "float64" if dtype == "complex64" else dtype  # complex numbers are refused
    stride = [draw.choice((1, 2, 2, 3)) for _ in size]
    last = draw.random() < 0.3
    shape = (draw.choice((1, 3)), *((*size, inputs) if last else (inputs, *size)))
    taps = [min(one, draw.choice((2, 3, 4, 7))) for one in taps]
    array, weight = numbers(draw, shape, dtype), numbers(draw, (inputs, outputs // groups, *taps), dtype)
    bias = numbers(draw, (outputs,), dtype) if draw.random() < 0.5 else None
    options = {
        "stride": stride,
        "padding": draw.choice((0, 1, "same")),
        "output_padding": [draw.randrange(one) for one in stride],
        "dilation": [draw.choice((1, 1, 2)) for _ in size],
        "groups": groups,
        "layout": "channels_last" if last else "channels_first",
        "flip": draw.random() < 0.3,
        "overflow": "wrap" if np.dtype(dtype).kind in "iu" else "raise",
    }
    if options["padding"] == "same":
        options["output_padding"] = 0
    name = f"conv_transpose{len(size)}d"
    text = f"{name} of {weight.shape} on {array.dtype}{array.shape}, {options}"
    return Case(text, array, lambda m, a: getattr(m, name)(a, weight, bias, **options))


def _pooling(draw: random.Random, kind: str, size: list[int], taps: list[int], dtype: str) -> Case:
    dtype = "float32" if dtype == "complex64" else dtype
    array = numbers(draw, (draw.choice((1, 2)), draw.choice((1, 5)), *size), dtype)
    options = {
        "stride": draw.choice((None, 1, 2)),
        "padding": [min(one // 2, draw.randint(0, 2)) for one in taps],
        "ceil_mode": draw.random() < 0.5,
    }
    if kind == "mean":
        options["count_include_pad"] = draw.random() < 0.5
    name = f"{'max' if kind == 'max' else 'avg'}_pool{len(size)}d"
    text = f"{name} of {taps} on {array.dtype}{array.shape}, {options}"
    return Case(text, array, lambda m, a: getattr(m, name)(a, taps, **options))


def same(first: Any, second: Any) -> bool:
    """Tell whether two arrays have the same bits, whatever NaN they hold."""
    if first.shape != second.shape or first.dtype != second.dtype:
        return False
    if first.dtype.kind == "c":
        return same(first.real, second.real) and same(first.imag, second.imag)
    if first.dtype.kind != "f":
        return bool((first == second).all())
    both = np.isnan(first) & np.isnan(second)
    return bool((both | ((first == second) & (np.signbit(first) == np.signbit(second)))).all())


def chunks(draw: random.Random, shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return uneven chunks."""
    found = []
    for size in shape:
        sizes, left = [], size
        while left:
            sizes.append(min(left, draw.randint(1, size if draw.random() < 0.3 else max(1, size // 2))))
            left -= sizes[-1]
        found.append(tuple(sizes) or (0,))
    return tuple(found)
