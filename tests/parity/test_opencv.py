"""OpenCV's filters, computed by ``convolve.apply``: every border, float and saturated 8-bit results.

Our default border of ``apply``, "reflect", is OpenCV's default, BORDER_REFLECT_101. OpenCV centres an even
filter one cell further than PyTorch: padding="same_lower".
"""

from typing import Any

import numpy as np
import pytest

import convolve
from tests.parity.compare import Array, close, real, same, whole
from tests.peers import peer

cv2 = peer("cv2")

BORDERS: dict[str, Any] = {
    "BORDER_CONSTANT": "zeros",
    "BORDER_REPLICATE": "replicate",
    "BORDER_REFLECT": "symmetric",
    "BORDER_REFLECT_101": "reflect",
    "BORDER_DEFAULT": "reflect",
}
SIZES = [(3, 3), (5, 3), (2, 4), (1, 5), (4, 4)]


def border(name: str) -> int:
    return int(getattr(cv2, name))


@pytest.mark.parametrize("name", BORDERS)
@pytest.mark.parametrize("taps", SIZES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_filter2d_of_whole_numbers_in_floats(name: str, taps: tuple[int, int], dtype: str) -> None:
    image, kernel = whole(1, (9, 11), dtype), whole(2, taps, dtype)
    ours = convolve.apply(image, kernel, padding="same_lower", padding_mode=BORDERS[name])
    same(ours, cv2.filter2D(image, -1, kernel, borderType=border(name)))
    assert ours.dtype == np.dtype(dtype)


@pytest.mark.parametrize("name", BORDERS)
def test_filter2d_of_real_numbers(name: str) -> None:
    image, kernel = real(3, (19, 17), np.float32), real(4, (5, 5), np.float32)
    ours = convolve.apply(image, kernel, padding_mode=BORDERS[name])
    close(ours, cv2.filter2D(image, -1, kernel, borderType=border(name)), 1e-6)


@pytest.mark.parametrize("name", [*BORDERS, "BORDER_WRAP"])
def test_copy_make_border(name: str) -> None:
    """OpenCV's filter2D refuses BORDER_WRAP, so the border itself is compared, wider than the image too."""
    image = whole(5, (6, 7), np.uint8, most=255)
    pairs = ((2, 9), (8, 3))
    mode = {**BORDERS, "BORDER_WRAP": "circular"}[name]
    ours = convolve.conv2d(image, np.ones((1, 1), np.uint8), padding=pairs, padding_mode=mode)
    same(ours, cv2.copyMakeBorder(image, 2, 9, 8, 3, border(name), value=0), name, 0.9)


@pytest.mark.parametrize("anchor", [(0, 0), (2, 1), (1, 2), (3, 0)])
def test_filter2d_anchor_is_padding_moved_from_one_side_to_the_other(anchor: tuple[int, int]) -> None:
    """An anchor is (column, row): the cell of the filter that stands on the output's own cell."""
    image, kernel = whole(6, (9, 8), np.float32), whole(7, (3, 4), np.float32)
    column, row = anchor
    ours = convolve.apply(image, kernel, padding=((row, 2 - row), (column, 3 - column)))
    same(ours, cv2.filter2D(image, -1, kernel, anchor=anchor))


@pytest.mark.parametrize("name", BORDERS)
def test_filter2d_saturates_and_rounds_half_to_even(name: str) -> None:
    """Quarters are exact in every float, so that halves do occur and their rounding is seen."""
    image = whole(8, (40, 40), np.uint8, most=255)
    kernel = whole(9, (3, 3), np.float32, most=3) / np.float32(4)
    ours = convolve.apply(image, kernel, padding_mode=BORDERS[name], out_dtype="uint8")
    expected = cv2.filter2D(image, -1, kernel, borderType=border(name))
    np.testing.assert_array_equal(ours, expected)
    exact = convolve.apply(image, kernel, padding_mode=BORDERS[name])
    assert ((exact % 1 == 0.5) & (exact > 0) & (exact < 255)).any(), "no half was met"
    assert (exact < 0).any() and (exact > 255).any(), "nothing saturated"


@pytest.mark.parametrize(("dtype", "depth"), [("uint8", "CV_16S"), ("uint8", "CV_32F"), ("int16", "CV_16S")])
def test_filter2d_to_another_depth(dtype: str, depth: str) -> None:
    image, kernel = whole(10, (12, 13), dtype, most=200), whole(11, (3, 3), np.float32)
    wanted = {"CV_16S": "int16", "CV_32F": "float32"}[depth]
    ours = convolve.apply(image, kernel, out_dtype=wanted)
    same(ours, cv2.filter2D(image, getattr(cv2, depth), kernel))
    assert ours.dtype == np.dtype(wanted)


def test_filter2d_treats_every_channel_alike() -> None:
    image, kernel = whole(12, (9, 10, 3), np.float32), whole(13, (3, 3), np.float32)
    same(convolve.apply(image, kernel, channel_axis=-1), cv2.filter2D(image, -1, kernel))


def test_filter2d_delta_is_a_bias() -> None:
    image, kernel = whole(14, (9, 10), np.float32), whole(15, (3, 3), np.float32)
    ours = convolve.conv2d(image, kernel, 7, padding="same", padding_mode="reflect")
    same(ours, cv2.filter2D(image, -1, kernel, delta=7))


@pytest.mark.parametrize("name", BORDERS)
@pytest.mark.parametrize(
    ("ours", "function", "arguments"),
    [
        ("sobel-x", "Sobel", (1, 0, 3)),
        ("sobel-y", "Sobel", (0, 1, 3)),
        ("scharr-x", "Scharr", (1, 0)),
        ("scharr-y", "Scharr", (0, 1)),
        ("laplacian", "Laplacian", ()),
    ],
)
def test_named_filters(name: str, ours: str, function: str, arguments: tuple[int, ...]) -> None:
    image = whole(16, (14, 15), np.uint8, most=255)
    expected = getattr(cv2, function)(image, cv2.CV_16S, *arguments, borderType=border(name))
    same(convolve.apply(image, ours, padding_mode=BORDERS[name]), expected)


def test_the_defaults_agree_without_a_border_named() -> None:
    image = whole(17, (14, 15), np.uint8, most=255)
    same(convolve.apply(image, "sobel-x"), cv2.Sobel(image, cv2.CV_16S, 1, 0))
    same(convolve.apply(image, "laplacian"), cv2.Laplacian(image, cv2.CV_16S))


@pytest.mark.parametrize("size", [3, 5, 7])
def test_blur(size: int) -> None:
    image = whole(18, (16, 15), np.uint8, most=255)
    expected = cv2.blur(image, (size, size))
    np.testing.assert_array_equal(convolve.apply(image, f"box:{size}", out_dtype="uint8"), expected)
    fine = real(19, (16, 15))
    close(convolve.apply(fine, f"box:{size}"), cv2.blur(fine, (size, size)))


@pytest.mark.parametrize(("sigma", "radius"), [(0.8, 2), (1.5, 4), (2.0, 8)])
def test_gaussian_blur(sigma: float, radius: int) -> None:
    """OpenCV takes the filter's size; ours follows from truncate, the radius in sigmas."""
    image = real(20, (23, 21))
    kernel = convolve.filters.gaussian(sigma, truncate=radius / sigma)
    assert kernel.shape == (2 * radius + 1, 2 * radius + 1)
    expected = cv2.GaussianBlur(image, (2 * radius + 1, 2 * radius + 1), sigma)
    close(convolve.apply(image, kernel), expected)


def test_sep_filter2d_is_the_outer_product() -> None:
    image, row, column = whole(21, (12, 13)), whole(22, (5,)), whole(23, (3,))
    same(convolve.apply(image, np.outer(column, row)), cv2.sepFilter2D(image, -1, row, column))


def test_erosion_is_no_convolution_but_dilation_is_a_maximum_pool() -> None:
    image = whole(24, (11, 12), np.float32)
    ours = convolve.max_pool2d(image[None], 3, 1, 1)[0]
    same(ours, cv2.dilate(image, np.ones((3, 3), np.uint8)))


def test_pyr_down_is_one_filter_with_a_stride() -> None:
    image = whole(25, (16, 18)) * 256
    steps: Array = np.array([1, 4, 6, 4, 1])
    ours = convolve.apply(image, np.outer(steps, steps) / 256, stride=2, padding=2)
    same(ours, cv2.pyrDown(image))
