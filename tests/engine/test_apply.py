"""`apply` on whole numbers is exact: photographs in every layout, colours seen as one plane, any boundary."""

import random

import numpy as np
import pytest

import convolve
from tests import seeds
from tests.engine.cases import held

MODES = ("zeros", "reflect", "symmetric", "replicate", "circular", 2)
KERNELS = [(3, 3), (5, 5), (1, 7), (9, 2), (15, 15)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel_shape", KERNELS, ids=str)
def test_photographs(kernel_shape: tuple[int, int], dtype: str) -> None:
    draw = random.Random(f"{seeds.seed()} apply {kernel_shape} {dtype}")
    numbers = np.random.default_rng(draw.randrange(2**32))
    for _ in range(8):
        channels = draw.choice((None, 1, 3, 4))
        size = (draw.randint(1, 40), draw.choice((draw.randint(1, 60), draw.randint(500, 700))))
        shape = size if channels is None else draw.choice(((*size, channels), (channels, *size)))
        axis = None if channels is None else (-1 if shape[-1] == channels and shape[:2] == size else 0)
        image = held(draw, numbers.integers(0, 256, shape).astype(dtype))
        kernel = held(draw, numbers.integers(-8, 9, kernel_shape).astype(dtype))
        options = {
            "channel_axis": axis, "padding_mode": draw.choice(MODES), "flip": draw.random() < 0.3,
            "stride": draw.choice((1, 1, 2)), "dilation": draw.choice((1, 1, 2)),
        }  # fmt: skip
        expected = convolve.apply(image, kernel, **options, algorithm="reference")
        for threads in (1, 3):
            before = convolve.get_num_threads()
            convolve.set_num_threads(threads)
            try:
                result = convolve.apply(image, kernel, **options)
            finally:
                convolve.set_num_threads(before)
            assert result.dtype == dtype
            assert np.array_equal(result, expected), (shape, options)
