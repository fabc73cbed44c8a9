"""F2: random real data against exact fractions, within the bound of any order of summation.

|result - exact| ≤ (taps + 2) · u · (|x| ∗ |w|), u being the rounding unit of the sums; 16-bit floats are
summed in float32 and rounded once more. CONVOLVE_F2=200000 is the release run.
"""

import os
import random
from fractions import Fraction

import numpy as np
import pytest

from convolve.errors import IntegerOverflowError
from tests import seeds
from tests.specs import draw_case

SPECS = int(os.environ.get("CONVOLVE_F2", "1000"))
PARTS = 10
UNIT = {"float16": 2.0**-24, "float32": 2.0**-24, "float64": 2.0**-53}
ROUNDING = {"float16": 2.0**-11, "float32": 0.0, "float64": 0.0}


def fractions(array: np.ndarray) -> np.ndarray:
    """Return floats as exact fractions."""
    return np.array([Fraction(one) for one in array.astype(float).ravel().tolist()], object).reshape(
        array.shape
    )


@pytest.mark.parametrize("part", range(PARTS))
def test_floats_are_within_the_bound(part: int) -> None:
    draw = random.Random(f"{seeds.seed()} real {part}")
    for _ in range(SPECS // PARTS):
        name = draw.choice(tuple(UNIT))
        case = draw_case(draw, (name,), 9)
        for array in (case.first, case.second, *([] if case.bias is None else [case.bias])):
            scale = 2.0 ** draw.randint(-3, 3)
            array[...] = np.array([draw.gauss(0, 1) * scale for _ in range(array.size)]).reshape(array.shape)
        result = case.call()
        first, second = fractions(case.first), fractions(case.second)
        bias = None if case.bias is None else fractions(case.bias)
        exact = case.seen(case.paired(first, second, Fraction(case.fill), bias))
        sizes = case.seen(
            case.paired(abs(first), abs(second), Fraction(case.fill), None if bias is None else abs(bias))
        )
        assert result.dtype == name
        tiny = float(np.finfo(name).smallest_subnormal)
        for got, want, size in zip(result.ravel().tolist(), exact.ravel(), sizes.ravel(), strict=True):
            bound = (
                (case.taps + 2) * UNIT[name] * float(size) + ROUNDING[name] * abs(float(want)) * 1.01 + tiny
            )
            assert abs(float(Fraction(got) - want)) <= bound, case


def test_the_bound_can_fail() -> None:
    case = draw_case(random.Random(1), ("float32",), 9)
    exact = np.array(case.exact().tolist(), dtype=float)
    wrong = case.call().astype(float) * (1 + 1e-4)
    assert (abs(wrong - exact) > (case.taps + 2) * UNIT["float32"] * abs(exact)).any()


def test_overflow_error_is_no_float_matter() -> None:
    case = draw_case(random.Random(2), ("float32",), 9)
    case.extra = {"out_dtype": "int8", "overflow": "raise"}
    case.first[...] = 100
    case.second[...] = 100
    with pytest.raises(IntegerOverflowError, match="int8 holds -128 to 127"):
        case.call()
