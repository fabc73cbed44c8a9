"""Whole numbers less their zero points, as bytes or made wider: the same sums, which wrap around alike."""

import itertools
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.nn.operations.integer_sums import byte_dtype, centred, integer_sums, planned_dtypes
from convolve.nn.tensor import Tensor
from tests import seeds

HOW: dict[str, Any] = {"stride": (1, 2), "padding": ((1, 2), (0, 1)), "dilation": 1, "groups": 2}
ZEROS = (None, [0], [128], [3], [0, 0, 128, 128], [128] * 4)


@pytest.mark.parametrize(("dtype", "weight_dtype"), list(itertools.product(("uint8", "int8"), repeat=2)))
def test_sums_are_those_of_wide_numbers(dtype: str, weight_dtype: str) -> None:
    numbers = np.random.default_rng(seeds.seed())
    ends = {one: (np.iinfo(one).min, np.iinfo(one).max) for one in (dtype, weight_dtype)}
    x = numbers.integers(*ends[dtype], (2, 34, 7, 9), dtype, endpoint=True)
    weight = numbers.integers(*ends[weight_dtype], (4, 17, 3, 2), weight_dtype, endpoint=True)
    for x_zero, weight_zero in itertools.product((None, 0, 7, ends[dtype][1], ends[dtype][0]), ZEROS):
        point = None if x_zero is None else np.array(x_zero, dtype)
        points = None if weight_zero is None else np.array(weight_zero).astype(weight_dtype)
        wide = centred(x, point), centred(weight, points, filters=True)
        expected = convolve.conv2d(*wide, **HOW, overflow="wrap", algorithm="reference")
        result = integer_sums(x, point, weight, points, HOW)
        assert result.dtype == np.int32
        np.testing.assert_array_equal(result, expected)


def test_which_weights_stay_bytes() -> None:
    unsigned, signed = np.dtype("uint8"), np.dtype("int8")
    assert byte_dtype(signed, np.zeros(3, "int8")) == signed
    assert byte_dtype(unsigned, np.array(128, "uint8")) == signed
    assert byte_dtype(unsigned, np.array([128, 127], "uint8")) is None
    x, weight = Tensor(unsigned, (1, 4, 9, 9)), Tensor(unsigned, (8, 4, 3, 3))
    assert planned_dtypes(x, weight, None) == ("uint8", "uint8")
    assert planned_dtypes(x, weight, Tensor.of(np.array(128, "uint8"))) == ("uint8", "int8")
    assert planned_dtypes(x, weight, Tensor(unsigned, ())) == ("int16", "int16")  # not known yet
