"""Poolings that bugs in the compiler must fall to: every part of a row, every order in memory."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.mutation.compiled_slice import OLD, on_target

Window = tuple[tuple[int, ...], dict[str, Any]]


def windows() -> Iterator[Window]:
    """Yield the shape of an image and a window over it."""
    yield (2, 3, 9, 47), {"kernel_size": 3, "stride": 2, "padding": 1}
    yield (2, 3, 8, 38), {"kernel_size": 2}
    yield (
        (1, 2, 11, 40),
        {"kernel_size": 3, "stride": (1, 2), "dilation": (2, 3), "padding": ((3, 1), (2, 5))},
    )
    yield (1, 2, 6, 5, 23), {"kernel_size": 2, "stride": (2, 1, 1), "padding": ((1, 0), (0, 1), (1, 1))}
    yield (1, 2, 5, 25), {"kernel_size": (5, 1), "stride": 1, "padding": 0}
    yield (2, 21, 3, 7), {"kernel_size": (3, 7)}
    yield (1, 1, 90), {"kernel_size": 70, "stride": 9, "padding": ((30, 2),)}


def check_pools() -> None:
    """Compare maxima, their places and means with the reference."""
    from convolve.runtime import pooled  # anew in every process: a bug may have been planted

    pooled.ITEM_TAPS = 500  # several items of a few rows, or of a few channels
    on_target("avx2")
    numbers = np.random.default_rng(22)
    for (shape, window), last in itertools.product(windows(), (False, True)):
        _check(numbers, shape, window, last, "float32")
    if on_target(OLD):  # whose vectors hold two numbers of 64 bits
        _check(numbers, (2, 3, 9, 17), {"kernel_size": 3, "padding": 1}, False, "float64")
    on_target("avx2")


def _check(numbers: Any, shape: tuple[int, ...], window: dict[str, Any], last: bool, dtype: str) -> None:
    import convolve  # anew in every process: a bug may have been planted
    from convolve import pooling

    dims, more = len(shape) - 2, {**window, "layout": "channels_last" if last else "channels_first"}
    image = numbers.integers(-9, 2, shape).astype(dtype)
    signs = numbers.choice([1, -1], shape).astype(dtype)
    image = np.where(image == 0, np.copysign(image, signs), image)  # of 0 and -0 the first stays
    image[:, 0] = -np.inf  # which beats nothing, so that the first place stays
    image.flat[image.size // 3] = np.nan
    image = np.ascontiguousarray(np.repeat(np.moveaxis(image, 1, -1), 9, axis=-1)) if last else image
    made = pooling.pool(dims, image, **more)
    expected, where = pooling.max_pool(made, True)
    found, places = getattr(convolve, f"max_pool{dims}d")(image, **more, return_indices=True)
    assert np.array_equal(found, expected, equal_nan=True), more
    assert np.array_equal(places, where), more
    found = getattr(convolve, f"max_pool{dims}d")(image, **more)
    assert np.array_equal(found, expected, equal_nan=True), more
    assert np.array_equal(np.signbit(found), np.signbit(expected)), more
    found = getattr(convolve, f"avg_pool{dims}d")(image, **more, count_include_pad=last)
    assert np.allclose(found, pooling.avg_pool(made, last, None), 1e-5, equal_nan=True), more
