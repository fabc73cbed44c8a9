"""Compiled poolings against the reference, bit by bit, through every layout and on any number of threads.

Few windows are drawn and many sizes, because each window is a routine.
"""

import random
from typing import Any

import numpy as np
import pytest

import convolve
from convolve import pooling
from convolve.dtypes import FLOATS, SUPPORTED, parse_dtype
from convolve.errors import ShapeError
from tests.engine.guarded import held

SIZES_PER_WINDOW = 12
WINDOWS = {"float32": 2}
"""dtype -> windows drawn; 1 for the others."""

Options = dict[str, Any]


@pytest.fixture(autouse=True)
def threads_as_before() -> Any:
    before = convolve.get_num_threads()
    yield
    convolve.set_num_threads(before)


def window(draw: random.Random) -> Options:
    dims = draw.randint(1, 3)
    return {
        "kernel_size": tuple(draw.randint(1, 4) for _ in range(dims)),
        "stride": tuple(draw.randint(1, 3) for _ in range(dims)),
        "padding": tuple((draw.randint(0, 2), draw.randint(0, 1)) for _ in range(dims)),
        "dilation": tuple(draw.randint(1, 2) for _ in range(dims)),
        "layout": draw.choice(("channels_first", "channels_last")),
    }


def image_of(draw: random.Random, options: Options, dtype: str) -> Any:
    """Return an image of many equal cells, zeros of both signs, NaN and infinities, laid out in any way."""
    dims = len(options["kernel_size"])
    size = [draw.randint(1, {1: 200, 2: 40, 3: 12}[dims]) for _ in range(dims)]
    channels = draw.choice((1, 3, 8, 21))
    shape = (2, channels, *size) if options["layout"] == "channels_first" else (2, *size, channels)
    numbers = np.random.default_rng(draw.randrange(1 << 30))
    low = 0 if dtype.startswith(("u", "bool")) else -3
    image = numbers.integers(low, 4, shape).astype(parse_dtype(dtype, "dtype"))
    if dtype in FLOATS:
        image[(image == 0) & (numbers.random(shape) < 0.5)] *= -1
        for special in draw.choice(((), (np.nan,), (np.inf, -np.inf), (np.nan, -np.inf))):
            image[numbers.random(shape) < 0.05] = special
    elif image.dtype.kind == "i":  # the ends of the range are where signs go wrong
        image[numbers.random(shape) < 0.05] = np.iinfo(image.dtype).min
    return held(draw, image)


def same(result: Any, wanted: Any) -> bool:
    """Whether two arrays agree bit by bit, one NaN being as good as another."""
    result, wanted = np.asarray(result), np.asarray(wanted)
    missing = wanted != wanted
    equal = np.array_equal(result != result, missing) and np.array_equal(result[~missing], wanted[~missing])
    signs = result.dtype.name not in FLOATS or np.array_equal(
        np.signbit(result[~missing]), np.signbit(wanted[~missing])
    )
    return result.dtype == wanted.dtype and equal and signs


@pytest.mark.parametrize("dtype", SUPPORTED)
def test_poolings_are_the_references(dtype: str, seed: int) -> None:
    draw = random.Random(f"{seed} pooling {dtype}")
    done = 0
    while done < WINDOWS.get(dtype, 1) * SIZES_PER_WINDOW:
        options = window(draw)
        done += sum(check(draw, options, dtype) for _ in range(SIZES_PER_WINDOW))


def check(draw: random.Random, options: Options, dtype: str) -> bool:
    """Compare a maximum and a mean with the reference; return False if the sizes make no sense."""
    image, dims, more = image_of(draw, options, dtype), len(options["kernel_size"]), dict(options)
    more["ceil_mode"] = draw.random() < 0.5
    try:
        made = pooling.pool(
            dims, image, more["kernel_size"], **{n: v for n, v in more.items() if n != "kernel_size"}
        )
    except ShapeError:
        return False
    convolve.set_num_threads(draw.choice((1, 2)))
    biggest, mean = (getattr(convolve, f"{name}_pool{dims}d") for name in ("max", "avg"))
    for _ in range(2 * (image.dtype.kind != "c")):  # the second time by the recipe
        expected, where = pooling.max_pool(made, True)
        found, places = biggest(image, **more, return_indices=True)
        assert same(found, expected), (more, image.shape)
        assert np.array_equal(places, where), (more, image.shape)
        assert same(biggest(image, **more), expected), (more, image.shape)
    rules = {"count_include_pad": draw.random() < 0.5, "divisor_override": draw.choice((None, None, 3, -2))}
    expected = pooling.avg_pool(made, *rules.values())
    found = mean(image, **more, **rules)
    assert found.dtype == expected.dtype
    error = 2e-6 if expected.dtype.itemsize > 2 else 2e-2
    if dtype == "bfloat16":
        found, expected = found.astype(np.float32), expected.astype(np.float32)
    np.testing.assert_allclose(found, expected, error, error, err_msg=f"{more} {rules} {image.shape}")
    return True


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("channels", [1, 3, 8, 19])
@pytest.mark.parametrize("size", [(1, 3), (7, 7), (4, 4), (5, 13)])
def test_windows_that_are_whole_planes(size: Any, channels: int, dtype: str, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    image = numbers.integers(-3, 3, (2, channels, *size)).astype(dtype)
    image[numbers.random(image.shape) < 0.02] = np.nan
    image[(image == 0) & (numbers.random(image.shape) < 0.5)] *= -1
    turned = image[:, :, ::-1]  # whose planes do not lie in one piece
    for one in (image, turned):
        made = pooling.pool(2, one, size)
        assert same(convolve.max_pool2d(one, size), pooling.max_pool(made, False))
        for divisor in (None, 3):
            wanted = pooling.avg_pool(made, True, divisor)
            found = convolve.avg_pool2d(one, size, divisor_override=divisor)
            np.testing.assert_allclose(found, wanted, 1e-6, 1e-6)


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_threads_change_no_bit(layout: Any) -> None:
    image = np.random.default_rng(3).standard_normal((2, 40, 90, 60)).astype(np.float32)
    wanted: list[Any] = []
    for threads in (1, 2, 3, 7):
        convolve.set_num_threads(threads)
        found = [
            convolve.avg_pool2d(image, 3, 2, 1, layout=layout),
            *convolve.max_pool2d(image, 3, 2, 1, return_indices=True, layout=layout),
        ]
        wanted = wanted or found
        assert all(one.tobytes() == other.tobytes() for one, other in zip(found, wanted, strict=True))


def test_the_other_byte_order_is_converted_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.random.default_rng(4).standard_normal((3, 5, 9, 8)).astype(">f4")
    monkeypatch.setattr(pooling, "BLOCK_CELLS", 50)
    for options in ({}, {"return_indices": True}):
        found = convolve.max_pool2d(image, 3, 2, 1, **options)
        for one, other in zip(
            found, convolve.max_pool2d(image.astype("f4"), 3, 2, 1, **options), strict=True
        ):
            assert one.dtype.isnative
            assert np.array_equal(one, other)


def test_true_is_no_size_even_after_one_was() -> None:
    image = np.ones((1, 1, 4, 4), np.float32)
    convolve.max_pool2d(image, 1)
    with pytest.raises(TypeError):
        convolve.max_pool2d(image, True)


def test_nothing_in_nothing_out() -> None:
    assert convolve.max_pool2d(np.zeros((0, 3, 4, 4), np.float32), 2).shape == (0, 3, 2, 2)
    assert convolve.avg_pool2d(np.zeros((2, 0, 4, 4), np.float32), 2).shape == (2, 0, 2, 2)
