"""F1: random convolutions on integer-valued data are bitwise equal to the oracle; so are poolings.

The number of specs is that of every commit; CONVOLVE_F1=1000000 is the release run.
"""

import os
import random
from typing import Any

import numpy as np
import pytest

import convolve
from convolve import pooling
from convolve.errors import IntegerOverflowError
from tests import oracle, seeds
from tests.specs import FLOATS, INTEGERS, Case, draw_case, values

SPECS = int(os.environ.get("CONVOLVE_F1", "2000"))
PARTS = 10
OUT_DTYPES = (None, None, "uint8", "int8", "uint16", "int64", "float32", "bool")


def check_integers(case: Case, draw: random.Random) -> bool:
    """Compare one call with the oracle; return whether the result says much, being mostly not zero."""
    used = [one for one in (case.first, case.second, case.bias) if one is not None]
    dtype = oracle.result_dtype(*(one.dtype for one in used))
    wanted = draw.choice(OUT_DTYPES)
    overflow = draw.choice(("raise", "wrap", "saturate"))
    case.extra = {"overflow": overflow} | ({} if wanted is None else {"out_dtype": wanted})
    exact = case.exact()
    final = dtype if wanted is None else np.dtype(wanted)
    expected = exact.astype(final) if final.kind == "f" else oracle.delivered(exact, final, overflow)
    if expected is None:
        with pytest.raises(IntegerOverflowError):
            case.call()
        return True
    if draw.random() < 0.2:
        case.extra["out"] = np.zeros_like(expected)
    result = case.call()
    assert result.dtype == final, case
    assert result.shape == expected.shape, case
    assert result.tobytes() == expected.tobytes(), case
    assert "out" not in case.extra or result is case.extra["out"], case
    return bool(2 * np.count_nonzero(exact) >= exact.size)


@pytest.mark.parametrize("part", range(PARTS))
def test_integers_are_the_oracles(part: int) -> None:
    draw = random.Random(f"{seeds.seed()} integers {part}")
    telling = 0
    while telling < SPECS * 6 // 10 // PARTS:  # a result of mostly zeros is checked, but does not count
        largest = draw.choice((9, 9, 100, None))
        telling += check_integers(draw_case(draw, INTEGERS, largest), draw)


@pytest.mark.parametrize("part", range(PARTS))
def test_integer_valued_floats_are_the_oracles(part: int) -> None:
    draw = random.Random(f"{seeds.seed()} floats {part}")
    for _ in range(SPECS * 3 // 10 // PARTS):
        case = draw_case(draw, FLOATS, 4)
        result, exact = case.call(), case.exact()
        used = [one for one in (case.first, case.second, case.bias) if one is not None]
        assert result.dtype == oracle.result_dtype(*(one.dtype for one in used)), case
        assert np.array_equal(result, exact.astype(result.dtype)), case


@pytest.mark.parametrize("part", range(PARTS))
def test_poolings_are_the_oracles(part: int) -> None:
    """One window and dtype, because each is a routine, over many sizes."""
    draw = random.Random(f"{seeds.seed()} pooling {part}")
    done = tried = 0
    while done < SPECS // 10 // PARTS:
        if tried % 50 == 0:
            window, dtype = draw_window(draw), draw.choice(("int32", "float64", "uint8"))
        tried += 1
        done += check_pooling(draw, window, dtype)


def draw_window(draw: random.Random) -> list[list[Any]]:
    """Return a window's taps, stride, dilation and paddings."""
    dims = draw.choice((1, 2, 3))
    taps, stride = ([draw.randint(1, 3) for _ in range(dims)] for _ in range(2))
    dilation = [draw.choice((1, 1, 2)) for _ in range(dims)]
    return [taps, stride, dilation, [(draw.randint(0, k // 2), draw.randint(0, k // 2)) for k in taps]]


def check_pooling(draw: random.Random, window: list[list[Any]], dtype: str) -> bool:
    """Compare one random max and average pooling; return False if the draw made no sense."""
    taps, stride, dilation, pads = window
    dims = len(taps)
    size = [draw.randint(1, {1: 9, 2: 6, 3: 4}[dims]) for _ in range(dims)]
    ceil, include = draw.random() < 0.5, draw.random() < 0.5
    image = values(draw, (2, 2, *size), dtype, 99)
    if any(d * (k - 1) + 1 > n + sum(p) for n, k, d, p in zip(size, taps, dilation, pads, strict=True)):
        return False
    (held, counted), out = oracle.pool(image, taps, stride, pads, dilation, ceil)
    if not all(held.values()):
        return False
    options = {"stride": stride, "padding": tuple(pads), "dilation": dilation, "ceil_mode": ceil}
    made = pooling.pool(dims, image, taps, **options)
    best, where = pooling.max_pool(made, True)
    mean = pooling.avg_pool(made, include, None)
    largest, places = getattr(convolve, f"max_pool{dims}d")(image, taps, return_indices=True, **options)
    average = getattr(convolve, f"avg_pool{dims}d")(image, taps, count_include_pad=include, **options)
    assert np.array_equal(largest, best)
    assert np.array_equal(places, where)
    np.testing.assert_allclose(average, mean, 1e-6, 1e-6)
    assert average.dtype == mean.dtype
    assert best.shape == mean.shape == (2, 2, *out)
    for n, c in np.ndindex(2, 2):
        plane = image[n, c].ravel().tolist()
        for place, cells in held.items():
            numbers = [plane[cell] for cell in cells]
            assert best[(n, c, *place)] == max(numbers)
            assert where[(n, c, *place)] == cells[numbers.index(max(numbers))]
            divisor = counted[place] if include else len(cells)
            assert mean[(n, c, *place)] == pytest.approx(sum(numbers) / divisor, rel=1e-6, abs=1e-6)
    return True
