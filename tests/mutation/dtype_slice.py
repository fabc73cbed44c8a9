"""Conversions between dtypes that bugs in the compiler must fall to: by themselves, and in convolutions."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

Given = tuple[str, str, tuple[int, ...], tuple[int, ...], dict[str, Any]]
BYTES = {"out_dtype": "uint8", "overflow": "saturate"}
SAME = {"padding": 1, "padding_mode": "reflect"}


def convolutions() -> Iterator[Given]:
    """Yield dtypes and shapes of image and weight, and options: every method, and every way of writing."""
    yield "uint8", "int8", (1, 1, 13, 61), (1, 1, 3, 3), SAME | BYTES
    yield "uint8", "float32", (1, 3, 8, 21), (1, 3, 5, 3), BYTES
    yield "uint8", "int8", (2, 20, 7, 9), (19, 20, 3, 3), {"padding": 1}
    yield "int16", "int8", (1, 9, 5, 19), (18, 9, 1, 1), {"out_dtype": "int16", "overflow": "wrap"}
    yield "float16", "float16", (1, 17, 6, 9), (17, 1, 3, 3), {"groups": 17, "padding": 1}
    yield (
        "float32",
        "float32",
        (1, 2, 6, 40),
        (2, 1, 1, 3),
        {"groups": 2, "stride": 2, "out_dtype": "float16"},
    )
    yield "int32", "int16", (1, 2, 6, 23), (3, 2, 3, 3), {"padding": 2, "stride": 2}
    # Filters large enough to be looked at as products of lines, which none of these may be taken for.
    yield "uint8", "int16", (1, 1, 12, 33), (1, 1, 5, 5), {}
    yield "float32", "float32", (3, 3, 12, 40), (2, 3, 5, 5), {}
    yield "float32", "float32", (1, 1, 90, 91), (1, 1, 25, 25), {"stride": 2}
    yield "bool", "uint16", (1, 5, 6, 11), (4, 5, 1, 1), {"layout": "channels_first", "out_dtype": "float64"}


def check_dtypes() -> None:
    """Convert lines of every dtype to every other, then convolve and compare with the reference."""
    # Imported here, in every process anew: a bug may have been planted.
    import convolve
    from convolve.compiler.layout import ITEM_BYTES
    from convolve.runtime import engine, host
    from tests.compiler.test_conversions import check_conversions

    for target in host.runnable():
        for source in ITEM_BYTES:
            check_conversions(target, source, (1, 8), interpreted=False)
    os.environ.pop(host.VARIABLE, None)
    host.host_target.cache_clear()
    engine.execution.cache_clear()
    numbers = np.random.default_rng(3)
    for dtype, weight_dtype, shape, taps, options in convolutions():
        image, weight = (_whole(numbers, *one) for one in ((shape, dtype), (taps, weight_dtype)))
        if dtype == "float32":
            weight[...] = 2
        expected = convolve.conv2d(image, weight, **options, algorithm="reference")
        planned = convolve.plan(shape, taps, dtype=dtype, weight_dtype=weight_dtype, **options)
        calls = (lambda: convolve.conv2d(image, weight, **options), lambda: planned.bind(weight)(image))  # noqa: B023
        for call in (*calls, *calls):
            found = call()
            assert found.dtype == expected.dtype
            assert np.array_equal(found, expected), (dtype, weight_dtype, options)


def _whole(numbers: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """Return whole numbers, integers of all sizes."""
    if dtype.startswith("float"):
        return numbers.integers(-5, 6, shape).astype(dtype)
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return numbers.integers(low, high, shape, "i8", endpoint=True).astype(dtype)
