"""SciPy's convolutions and image filters, computed by convolve's public functions: the same numbers."""

from typing import Any

import numpy as np
import pytest

import convolve
from tests.parity.compare import close, real, same, whole
from tests.peers import peer

signal = peer("scipy.signal")
ndimage = peer("scipy.ndimage")

CONV = {1: convolve.conv1d, 2: convolve.conv2d, 3: convolve.conv3d}
PADDINGS = {"full": "full", "same": "same_lower", "valid": "valid"}
SHAPES = [((9,), (3,)), ((9,), (4,)), ((7, 8), (3, 2)), ((6, 5), (4, 5)), ((4, 5, 6), (2, 3, 4))]
NDIMAGE_MODES: dict[str, Any] = {
    "reflect": "symmetric",
    "constant": "zeros",
    "nearest": "replicate",
    "mirror": "reflect",
    "wrap": "circular",
    "grid-mirror": "symmetric",
    "grid-constant": "zeros",
    "grid-wrap": "circular",
}


@pytest.mark.parametrize("mode", PADDINGS)
@pytest.mark.parametrize(("size", "taps"), SHAPES)
@pytest.mark.parametrize("method", ["direct", "auto"])
def test_signal_convolve(mode: str, size: tuple[int, ...], taps: tuple[int, ...], method: str) -> None:
    image, kernel = whole(1, size, np.int64), whole(2, taps, np.int64)
    ours = CONV[len(size)](image, kernel, padding=PADDINGS[mode], flip=True)
    same(ours, signal.convolve(image, kernel, mode, method))


@pytest.mark.parametrize("mode", PADDINGS)
@pytest.mark.parametrize(("size", "taps"), SHAPES)
def test_signal_correlate(mode: str, size: tuple[int, ...], taps: tuple[int, ...]) -> None:
    image, kernel = whole(3, size), whole(4, taps)
    ours = CONV[len(size)](image, kernel, padding=PADDINGS[mode])
    same(ours, signal.correlate(image, kernel, mode, "direct"))


def test_signal_fftconvolve_within_rounding() -> None:
    image, kernel = real(5, (31, 29)), real(6, (7, 4))
    close(convolve.conv2d(image, kernel, padding="full", flip=True), signal.fftconvolve(image, kernel))


@pytest.mark.parametrize("mode", PADDINGS)
@pytest.mark.parametrize(
    ("boundary", "padding_mode"),
    [("fill", "zeros"), ("fill", 5), ("wrap", "circular"), ("symm", "symmetric")],
)
@pytest.mark.parametrize("taps", [(3, 3), (2, 4), (5, 1), (1, 2)])
def test_convolve2d(mode: str, boundary: str, padding_mode: Any, taps: tuple[int, int]) -> None:
    image, kernel = whole(7, (8, 9), np.int64), whole(8, taps, np.int64)
    fill = padding_mode if isinstance(padding_mode, int) else 0
    ours = convolve.conv2d(image, kernel, padding=PADDINGS[mode], padding_mode=padding_mode, flip=True)
    same(ours, signal.convolve2d(image, kernel, mode, boundary, fill))


@pytest.mark.parametrize("mode", PADDINGS)
@pytest.mark.parametrize(
    ("boundary", "padding_mode"),
    [("fill", "zeros"), ("fill", -3), ("wrap", "circular"), ("symm", "symmetric")],
)
@pytest.mark.parametrize("taps", [(3, 3), (5, 1), (2, 4)])
def test_correlate2d(mode: str, boundary: str, padding_mode: Any, taps: tuple[int, int]) -> None:
    """Unlike ``signal.correlate``, correlate2d centres an even filter as PyTorch does: "same"."""
    image, kernel = whole(9, (8, 9), np.int64), whole(10, taps, np.int64)
    fill = padding_mode if isinstance(padding_mode, int) else 0
    ours = convolve.conv2d(image, kernel, padding=mode, padding_mode=padding_mode)
    same(ours, signal.correlate2d(image, kernel, mode, boundary, fill))


def test_complex_correlation_conjugates_there_and_not_here() -> None:
    image, kernel = whole(1, (6, 7)) + 1j * whole(2, (6, 7)), whole(3, (3, 2)) + 1j * whole(4, (3, 2))
    same(convolve.conv2d(image, kernel.conj()), signal.correlate2d(image, kernel, "valid"))
    same(convolve.conv2d(image, kernel, flip=True), signal.convolve2d(image, kernel, "valid"))


@pytest.mark.parametrize("up", [1, 2, 3])
@pytest.mark.parametrize("down", [1, 2, 3])
def test_upfirdn_is_a_transposed_then_a_strided_convolution(up: int, down: int) -> None:
    samples, response = whole(up, (13,)), whole(down + 5, (5,))
    spread = convolve.conv_transpose1d(samples, response, stride=up)
    same(spread[::down], signal.upfirdn(response, samples, up, down))
    if up == 1:
        direct = convolve.conv1d(samples, response, padding="full", stride=down, flip=True)
        same(direct, signal.upfirdn(response, samples, 1, down))


@pytest.mark.parametrize("mode", NDIMAGE_MODES)
@pytest.mark.parametrize(("size", "taps"), [*SHAPES, ((3, 4), (9, 12)), ((2,), (11,))])
def test_ndimage_correlate(mode: str, size: tuple[int, ...], taps: tuple[int, ...]) -> None:
    """SciPy centres an even filter one cell further than PyTorch: padding="same_lower"."""
    image, kernel = whole(11, size, np.int64), whole(12, taps, np.int64)
    ours = convolve.apply(image, kernel, padding="same_lower", padding_mode=NDIMAGE_MODES[mode])
    same(ours, ndimage.correlate(image, kernel, np.int64, mode))


@pytest.mark.parametrize("mode", NDIMAGE_MODES)
@pytest.mark.parametrize(("size", "taps"), SHAPES)
def test_ndimage_convolve(mode: str, size: tuple[int, ...], taps: tuple[int, ...]) -> None:
    """Turned by 180 degrees, an even filter's centre moves: padding="same"."""
    image, kernel = whole(13, size, np.int64), whole(14, taps, np.int64)
    ours = convolve.apply(image, kernel, padding="same", padding_mode=NDIMAGE_MODES[mode], flip=True)
    same(ours, ndimage.convolve(image, kernel, np.int64, mode))


@pytest.mark.parametrize("cval", [0, 7, -4])
def test_ndimage_constant(cval: int) -> None:
    image, kernel = whole(15, (6, 7), np.int64), whole(16, (3, 4), np.int64)
    ours = convolve.apply(image, kernel, padding="same_lower", padding_mode=cval)
    same(ours, ndimage.correlate(image, kernel, np.int64, "constant", cval))


@pytest.mark.parametrize("taps", [3, 4, 5])
@pytest.mark.parametrize("origin", [-1, 0, 1])
def test_ndimage_origin_is_padding_moved_from_one_side_to_the_other(taps: int, origin: int) -> None:
    image, kernel = whole(17, (8, 9), np.int64), whole(18, (taps, taps), np.int64)
    before = taps // 2 + origin
    pair = (before, taps - 1 - before)
    ours = convolve.apply(image, kernel, padding=(pair, pair), padding_mode="symmetric")
    same(ours, ndimage.correlate(image, kernel, np.int64, origin=origin))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("mode", NDIMAGE_MODES)
def test_ndimage_correlate1d(axis: int, mode: str) -> None:
    volume, weights = whole(19, (4, 5, 6), np.int64), whole(20, (4,), np.int64)
    shape = [1, 1, 1]
    shape[axis] = 4
    ours = convolve.apply(
        volume, weights.reshape(shape), padding="same_lower", padding_mode=NDIMAGE_MODES[mode]
    )
    same(ours, ndimage.correlate1d(volume, weights, axis, np.int64, mode))


@pytest.mark.parametrize("mode", NDIMAGE_MODES)
@pytest.mark.parametrize("sigma", [0.7, 1.5, 3.0])
def test_ndimage_gaussian_filter(mode: str, sigma: float) -> None:
    """The same radius, int(truncate * sigma + 0.5), and the same normalised weights."""
    image = real(21, (17, 14))
    ours = convolve.apply(image, f"gaussian:{sigma}", padding_mode=NDIMAGE_MODES[mode])
    close(ours, ndimage.gaussian_filter(image, sigma, mode=mode))


def test_ndimage_gaussian_filter_of_a_volume_and_of_another_truncation() -> None:
    volume = real(22, (9, 8, 7))
    kernel = convolve.filters.gaussian(1.2, truncate=2.5, ndim=3)
    ours = convolve.apply(volume, kernel, padding_mode="symmetric")
    close(ours, ndimage.gaussian_filter(volume, 1.2, truncate=2.5))


@pytest.mark.parametrize("size", [3, 5])
def test_ndimage_uniform_filter(size: int) -> None:
    image = real(23, (11, 12))
    close(convolve.apply(image, f"box:{size}", padding_mode="symmetric"), ndimage.uniform_filter(image, size))


@pytest.mark.parametrize(
    ("name", "function", "axis"),
    [
        ("sobel-x", "sobel", 1),
        ("sobel-y", "sobel", 0),
        ("prewitt-x", "prewitt", 1),
        ("prewitt-y", "prewitt", 0),
    ],
)
def test_ndimage_edges(name: str, function: str, axis: int) -> None:
    image = whole(24, (9, 10), np.int64, most=200)
    ours = convolve.apply(image, name, padding_mode="symmetric")
    same(ours, getattr(ndimage, function)(image, axis))


def test_ndimage_laplace() -> None:
    image = whole(25, (9, 10), np.int64, most=200)
    same(convolve.apply(image, "laplacian", padding_mode="symmetric"), ndimage.laplace(image))


def test_integers_of_every_width_where_scipy_is_given_room() -> None:
    for dtype in (np.uint8, np.int8, np.uint16, np.int16, np.int32, np.uint32, np.int64):
        image = whole(26, (7, 8), dtype, most=100)
        kernel = whole(27, (3, 3), np.int16, most=100)
        ours = convolve.apply(image, kernel, padding_mode="symmetric")
        same(ours, ndimage.correlate(image.astype(np.int64), kernel, np.int64), dtype)


def test_scipys_wrapping_integers_are_asked_for_by_name() -> None:
    image, kernel = whole(28, (9, 9), np.uint8, most=255), np.ones((3, 3), np.uint8)
    ours = convolve.apply(image, kernel, padding_mode="symmetric", out_dtype="uint8", overflow="wrap")
    same(ours, ndimage.correlate(image, kernel))
    assert ours.dtype == np.uint8
