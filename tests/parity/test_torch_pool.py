"""PyTorch's pooling, over drawn options: sizes, padding, dilation, ceil_mode, indices and divisors."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import convolve
from tests.parity.compare import close, real, same, whole
from tests.peers import peer

torch = peer("torch")
F = peer("torch.nn.functional")

MAX = {1: convolve.max_pool1d, 2: convolve.max_pool2d, 3: convolve.max_pool3d}
AVERAGE = {1: convolve.avg_pool1d, 2: convolve.avg_pool2d, 3: convolve.avg_pool3d}
CASES = 20


def drawn(dims: int, seed: int) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Return a shape and options that PyTorch allows: padding at most half the filter."""
    rng = np.random.default_rng([dims, seed])
    taps, stride = (tuple(int(n) for n in rng.integers(1, 5, dims)) for _ in range(2))
    options = {
        "kernel_size": taps,
        "stride": stride,
        "padding": tuple(int(rng.integers(0, count // 2 + 1)) for count in taps),
        "ceil_mode": bool(rng.integers(2)),
    }
    size = tuple(int(n) for n in rng.integers(9, 13, dims))
    return (int(rng.integers(1, 3)), int(rng.integers(1, 4)), *size), options


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("seed", range(CASES))
def test_max_pool(dims: int, seed: int) -> None:
    """Ties occur often in these whole numbers: the indices show which of the equal cells is taken."""
    shape, options = drawn(dims, seed)
    options["dilation"] = tuple(int(n) for n in np.random.default_rng(seed).integers(1, 3, dims))
    image = whole(seed, shape)
    values, indices = MAX[dims](image, return_indices=True, **options)
    expected = getattr(F, f"max_pool{dims}d")(torch.from_numpy(image), return_indices=True, **options)
    np.testing.assert_array_equal(values, expected[0], err_msg=str(options))
    np.testing.assert_array_equal(indices, expected[1], err_msg=str(options))
    assert indices.dtype == np.int64
    np.testing.assert_array_equal(MAX[dims](image, **options), values)


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("size", range(1, 9))
def test_every_small_window(size: int, ceil_mode: bool) -> None:
    """All filters, strides, paddings and dilations up to 4 over a short line, refusals included.

    The one difference is meant: a window of nothing but padding is refused here, and gives -inf there.
    """
    line = np.arange(1.0, size + 1)[None, None]
    values = torch.from_numpy(line)
    for taps, stride, dilation in itertools.product(range(1, 5), range(1, 5), range(1, 3)):
        for padding in range(taps // 2 + 1):
            options = (taps, stride, padding, dilation, ceil_mode)
            ours = outcome(convolve.max_pool1d, line, *options, return_indices=True)
            theirs = outcome(F.max_pool1d, values, *options, return_indices=True)
            if theirs is None or torch.isinf(theirs[0]).any():
                assert ours is None, (size, options)
                continue
            np.testing.assert_array_equal(ours, [np.asarray(part) for part in theirs], str((size, options)))
            if dilation == 1:
                mean = convolve.avg_pool1d(line, taps, stride, padding, ceil_mode)
                np.testing.assert_allclose(mean, F.avg_pool1d(values, taps, stride, padding, ceil_mode))


def outcome(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Return what a call gives, or None where it is refused."""
    try:
        return call(*arguments, **options)
    except (ValueError, RuntimeError):
        return None


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize("seed", range(CASES // 2))
def test_avg_pool(dims: int, count_include_pad: bool, seed: int) -> None:
    shape, options = drawn(dims, seed)
    options["count_include_pad"] = count_include_pad
    image = real(seed, shape)
    expected = getattr(F, f"avg_pool{dims}d")(torch.from_numpy(image), **options)
    close(AVERAGE[dims](image, **options), expected, note=options)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("divisor", [1, 4, 7])
@pytest.mark.parametrize("seed", range(6))
def test_avg_pool_with_a_divisor(dims: int, divisor: int, seed: int) -> None:
    shape, options = drawn(dims, seed)
    image = real(seed, shape)
    expected = getattr(F, f"avg_pool{dims}d")(torch.from_numpy(image), divisor_override=divisor, **options)
    close(AVERAGE[dims](image, divisor_override=divisor, **options), expected, note=options)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_the_default_stride_is_the_filter(dims: int) -> None:
    image = whole(1, (2, 3) + (9, 8, 7)[:dims])
    same(MAX[dims](image, 2), getattr(F, f"max_pool{dims}d")(torch.from_numpy(image), 2))
    close(AVERAGE[dims](image, 3), getattr(F, f"avg_pool{dims}d")(torch.from_numpy(image), 3))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_without_a_batch(dims: int) -> None:
    image = whole(2, (3,) + (9, 8, 7)[:dims])
    same(MAX[dims](image, 2, 1), getattr(F, f"max_pool{dims}d")(torch.from_numpy(image), 2, 1))


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int8", "int16", "int32", "int64"])
def test_max_pool_keeps_the_dtype(dtype: str) -> None:
    image = whole(3, (1, 2, 9, 8), dtype)
    ours = convolve.max_pool2d(image, 3, 2, 1)
    same(ours, F.max_pool2d(torch.from_numpy(image), 3, 2, 1))
    assert ours.dtype == np.dtype(dtype)


def test_a_nan_is_the_largest_number_of_its_window() -> None:
    image = whole(4, (1, 1, 8, 8)) + 20
    image[0, 0, 3, 4] = np.nan
    values, indices = convolve.max_pool2d(image, 3, 1, return_indices=True)
    expected = F.max_pool2d(torch.from_numpy(image), 3, 1, return_indices=True)
    same(values, expected[0])
    same(indices, expected[1])
    assert np.isnan(values).sum() == 9


def test_padding_never_wins_a_maximum() -> None:
    image = np.full((1, 1, 4, 4), -5.0)
    np.testing.assert_array_equal(convolve.max_pool2d(image, 3, 1, 1), np.full((1, 1, 4, 4), -5.0))


def test_each_side_may_be_padded_differently() -> None:
    """PyTorch pads both sides alike, so it is given an image that is already padded."""
    image = real(5, (1, 2, 7, 8))
    pairs = ((0, 1), (2, 0))
    wide = F.pad(torch.from_numpy(image), (2, 0, 0, 1), value=-np.inf)
    same(convolve.max_pool2d(image, 3, 2, pairs), F.max_pool2d(wide, 3, 2))
    wide = F.pad(torch.from_numpy(image), (2, 0, 0, 1))
    close(convolve.avg_pool2d(image, 3, 2, pairs), F.avg_pool2d(wide, 3, 2))
