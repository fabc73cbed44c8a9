"""Pillow's ImageFilter kernels, computed by ``convolve.apply``.

Pillow lays the rows of a kernel from the bottom up, leaves the edge pixels as they were, and rounds half
upwards; here rows go from the top down and every edge pixel has a rule.
"""

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

import convolve
from tests.parity.compare import Array, whole

BUILT_IN = [
    "BLUR", "CONTOUR", "DETAIL", "EDGE_ENHANCE", "EDGE_ENHANCE_MORE", "EMBOSS", "FIND_EDGES", "SHARPEN",
    "SMOOTH", "SMOOTH_MORE",
]  # fmt: skip


def picture(seed: int, shape: tuple[int, ...]) -> Array:
    return whole(seed, shape, np.uint8, most=255)


def by_convolve(image: Array, size: int, weights: Any, scale: float, offset: float) -> Array:
    """Return what Pillow's Kernel(size, weights, scale, offset) gives, in convolve's terms."""
    kernel = np.reshape(weights, (size, size))[::-1].astype(np.float64)
    axis = -1 if image.ndim == 3 else None
    sums = convolve.apply(image, kernel, padding="valid", channel_axis=axis) / scale + offset
    result, edge = image.copy(), size // 2
    result[edge:-edge, edge:-edge] = np.clip(np.floor(sums + 0.5), 0, 255)
    return result


def assert_same_pixels(ours: Array, theirs: Any) -> None:
    expected = np.asarray(theirs)
    assert ours.shape == expected.shape and ours.dtype == expected.dtype
    assert len(np.unique(expected)) > 4, "a picture of so few values proves little"
    np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("shape", [(21, 18), (21, 18, 3)])
@pytest.mark.parametrize("seed", range(4))
def test_kernel_of_whole_numbers(size: int, shape: tuple[int, ...], seed: int) -> None:
    image = picture(seed, shape)
    weights = whole(seed + 60, (size * size,), np.int64, most=2).tolist()
    theirs = Image.fromarray(image).filter(ImageFilter.Kernel((size, size), weights, 1, 20))
    assert_same_pixels(by_convolve(image, size, weights, 1, 20), theirs)


def test_kernel_of_whole_numbers_by_apply_alone() -> None:
    """The interior needs nothing but the turned rows and a saturated 8-bit result."""
    image = picture(9, (15, 16))
    weights = [1, 2, 0, 0, -1, 0, 3, 0, -4]
    theirs = Image.fromarray(image).filter(ImageFilter.Kernel((3, 3), weights, 1))
    ours = convolve.apply(image, np.reshape(weights, (3, 3))[::-1], out_dtype="uint8")
    assert_same_pixels(ours[1:-1, 1:-1], np.asarray(theirs)[1:-1, 1:-1])


@pytest.mark.parametrize("size", [3, 5])
def test_the_edge_is_left_untouched(size: int) -> None:
    image = picture(10, (15, 16))
    theirs = np.asarray(Image.fromarray(image).filter(ImageFilter.Kernel((size, size), [0] * size**2, 1)))
    edge = size // 2
    inside = np.zeros(image.shape, bool)
    inside[edge:-edge, edge:-edge] = True
    np.testing.assert_array_equal(theirs, np.where(inside, 0, image))


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("shape", [(21, 18), (21, 18, 3)])
def test_built_in_filters(name: str, shape: tuple[int, ...]) -> None:
    """Pillow sums thirds and sixths in float32, so the pixels that are exactly a half may go either way."""
    image = picture(11, shape)
    built_in = getattr(ImageFilter, name)
    (width, _), scale, offset, weights = built_in.filterargs
    theirs = np.asarray(Image.fromarray(image).filter(built_in()))
    ours, below = (by_convolve(image, width, weights, scale, offset + shift) for shift in (0, -1e-9))
    assert (ours != below).mean() < 0.1, "hardly any pixel is exactly a half"
    assert_same_pixels(np.where(theirs == below, below, ours), theirs)


@pytest.mark.parametrize("radius", [1, 2, 4])
def test_box_blur_within_its_two_roundings(radius: int) -> None:
    """Pillow rounds after the rows and again after the columns, so it may be off by one."""
    image = picture(12, (30, 31))
    theirs = np.asarray(Image.fromarray(image).filter(ImageFilter.BoxBlur(radius)))
    ours = convolve.apply(image, f"box:{2 * radius + 1}", padding_mode="replicate", out_dtype="uint8")
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1
