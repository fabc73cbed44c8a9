"""Memory beyond the result is bounded: it does not grow with the image."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.reference import BLOCK

BYTES = 8
ALLOWED = 6 * BLOCK * BYTES
"""A block of sums, one of products, the patch in its own and in the sums' dtype, and two for what NumPy holds
for a moment: 12.6 MB of float64, while the larger image below has 72 MB."""


@pytest.fixture(autouse=True, scope="module")
def loaded() -> None:
    """Import the compiler before anything is measured: its modules (6 MB) are not the image's."""
    convolve.conv2d(np.ones((9, 9)), np.ones((3, 3)))


def extra(call: Callable[[], Any]) -> int:
    """Return the bytes that a call holds at most, beyond what it returns."""
    tracemalloc.start()
    try:
        result = call()
        return tracemalloc.get_traced_memory()[1] - int(result.nbytes)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [500, 3000])
@pytest.mark.parametrize("mode", ["zeros", "reflect", "circular"])
def test_forward(size: int, mode: str) -> None:
    image, kernel = np.ones((size, size)), np.ones((3, 3))
    assert extra(lambda: convolve.conv2d(image, kernel, padding=1, padding_mode=mode)) < ALLOWED


@pytest.mark.parametrize("name", ["conv_transpose2d", "conv2d_weight_grad"])
def test_transposed_and_gradient(name: str) -> None:
    image, kernel = np.ones((2000, 2000)), np.ones((3, 3))
    arguments = (image, kernel) if name == "conv_transpose2d" else (image, (3, 3), np.ones((1998, 1998)))
    assert extra(lambda: getattr(convolve, name)(*arguments)) < 2 * ALLOWED


def test_photograph_into_a_used_array() -> None:
    image = np.zeros((1000, 1500, 3), np.uint8)
    out = np.empty_like(image)
    held = extra(lambda: convolve.apply(image, "gaussian:2", channel_axis=-1, out=out, out_dtype=np.uint8))
    assert held + out.nbytes < 2 * ALLOWED


def test_integer_sums_are_bounded_too() -> None:
    image = np.full((2000, 2000), 2**40)
    assert extra(lambda: convolve.conv2d(image, np.ones((3, 3), int))) < ALLOWED
