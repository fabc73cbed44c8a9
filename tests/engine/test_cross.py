"""Every option crossed with every other, against the reference: bit by bit where the arithmetic is exact.

stride × dilation × groups × every boundary (wider than the image too) × transposed × gradients × dtypes ×
layouts × threads. CONVOLVE_CROSS sets the number of calls (release: 20,000).
"""

import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.api import dispatch
from convolve.dtypes import kind_of, sum_dtype
from convolve.errors import ConvolveError
from convolve.runtime import engine, jit, machine_code
from tests import seeds
from tests.engine.cross import Crossing, Family, Place, draw_crossing, draw_family, draw_place

CALLS = int(os.environ.get("CONVOLVE_CROSS", "1000"))
PART = 2000
"""Calls of one part, over at most `MOST_ROUTINES`."""

MOST_ROUTINES = 150
NEW_FAMILIES, NEW_SIZES, NEW_FORMS = 40, 55, 70
"""What is drawn while fewer routines are loaded than each of these: families; then sizes of families drawn
before; then boundaries, memory layouts and the like for sizes drawn before; at last values alone, which
decide in which dtype integers are summed up."""

CALLS_PER_FAMILY = 12
THREADS = (1, 1, 1, 2, 3, 7, 16)
UNIT = {
    "float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "complex64": 2.0**-24,
    "float64": 2.0**-53, "complex128": 2.0**-53,
}  # fmt: skip
SMALLEST = {"float16": 2.0**-24, "bfloat16": 1e-40, "float32": 1e-44, "complex64": 1e-44}
"""Least positive number of a dtype."""

TRANSFORMED = 1e-5
"""Relative error, in the sense of least squares, that accuracy="default" allows in float32."""

loaded: list[object] = []


@pytest.fixture(autouse=True)
def count_routines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Note every routine that is loaded, with nothing left over from other tests; restore the threads."""
    original, before = jit.load, convolve.get_num_threads()

    def noting(*arguments: Any) -> Any:
        loaded.append(arguments[-1])
        return original(*arguments)

    machine_code._made.clear()
    engine.execution.cache_clear()
    dispatch._recipes.clear()
    monkeypatch.setattr(jit, "load", noting)
    yield
    convolve.set_num_threads(before)


@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("part", range(max(1, CALLS // PART)))
def test_every_option_crossed_with_every_other(part: int) -> None:
    """Runs some 40 s; the limit is for an emulated or a crowded machine."""
    draw, first = random.Random(f"{seeds.seed()} crossed {part}"), len(loaded)
    calls, refused = min(CALLS, PART), 0
    for number, (family, place, form) in enumerate(places(draw, calls, lambda: len(loaded) - first)):
        case = draw_crossing(random.Random(form), family, place, draw)
        convolve.set_num_threads(draw.choice(THREADS))
        where = f"call {number} of part {part}: {family}\n{case.options}\n{case.values} {describe(case)}"
        refused += compare(case, number, where)
    print(f"{calls} calls, {len(loaded) - first} routines, {refused} refused")
    assert refused < calls // 3
    assert 0 < len(loaded) - first <= MOST_ROUTINES


def places(
    draw: random.Random, calls: int, routines: Callable[[], int]
) -> Iterator[tuple[Family, Place, int]]:
    """Yield families, sizes and seeds of all else but values, so that few routines serve many calls."""
    families: list[Family] = []
    seen: list[tuple[Family, Place, int]] = []
    for number in range(calls):
        if routines() < NEW_SIZES:
            if number % CALLS_PER_FAMILY == 0:
                fresh = not families or routines() < NEW_FAMILIES
                families.append(draw_family(draw) if fresh else draw.choice(families))
            seen.append((families[-1], draw_place(draw, families[-1]), draw.randrange(2**32)))
            yield seen[-1]
        elif routines() < NEW_FORMS:
            seen.append((*draw.choice(seen)[:2], draw.randrange(2**32)))
            yield seen[-1]
        else:
            yield draw.choice(seen)


def describe(case: Crossing) -> str:
    arrays = (case.first, case.second, case.bias)
    return " ".join(f"{one.dtype}{one.shape}/{one.strides}" for one in arrays if one is not None)


def compare(case: Crossing, number: int, where: str) -> bool:
    """Compare one call with the reference; return whether both refuse it."""
    expected = outcome(lambda: case.call(algorithm="reference"))
    result = outcome(case.call)
    if isinstance(expected, type) or isinstance(result, type):
        assert result is expected, f"{result} instead of {expected}\n{where}"
        return True
    assert result.dtype == expected.dtype == case.family.result, where
    assert result.shape == expected.shape, where
    check_values(case, result, expected, where)
    if number % 4 == 0:
        check_ways(case, result, expected, where)
    return False


def outcome(call: Callable[[], Any]) -> Any:
    """Return the result of a call, or the class of its refusal."""
    try:
        return call()
    except ConvolveError as error:
        return type(error)


def check_ways(case: Crossing, result: Any, expected: Any, where: str) -> None:
    """The same bits bound, into an array of the caller's, with other threads; elsewhere the same values."""
    out = np.empty_like(result)
    assert case.call(out=out) is out, where
    assert out.tobytes() == result.tobytes(), f"out=\n{where}"
    if case.family.operation == "conv":
        assert case.bound().tobytes() == result.tobytes(), f"bound\n{where}"
    convolve.set_num_threads(1 + convolve.get_num_threads() % 3)
    assert case.call().tobytes() == result.tobytes(), f"threads\n{where}"
    filler = np.array(77).astype(result.dtype)
    room = np.full((*result.shape[:-1], 2 * result.shape[-1]), filler)
    apart = room[..., ::2]
    assert case.call(out=apart) is apart, where
    check_values(case, apart, expected, f"out= with gaps\n{where}")
    assert (room[..., 1::2] == filler).all(), f"beside out=\n{where}"


def check_values(case: Crossing, result: Any, expected: Any, where: str) -> None:
    """Exactly equal where sums are exact; else within the bound of any order of summation."""
    sums, integer = case.family.sums, kind_of(case.family.result) == "integer"
    exact = integer or (case.values != "real" and case.family.accuracy == "strict" and not ignores(case))
    if kind_of(sums) == "integer" or exact:
        assert np.array_equal(result, expected, equal_nan=not integer), where
        return
    finite = np.isfinite(expected)
    for kind in (np.isnan, np.isinf):
        assert np.array_equal(kind(result), kind(expected)), f"not finite\n{where}"
    wide, bound = case.changed(lambda a: a).call(algorithm="reference"), tolerance(case)
    error = np.where(finite, np.abs(result.astype(wide.dtype) - np.where(finite, wide, 0)), 0)
    if (error <= np.where(finite, bound, np.inf)).all():
        return
    assert case.family.accuracy == "default", f"{worst(error, bound)}\n{where}"
    assert str(sums) in ("float32", "complex64"), f"{worst(error, bound)}\n{where}"
    length = np.linalg.norm(np.where(finite, wide, 0).ravel())
    assert np.linalg.norm(error.ravel()) <= TRANSFORMED * length, f"{worst(error, bound)}\n{where}"


def ignores(case: Crossing) -> bool:
    return case.family.nan == "ignore"


def worst(error: Any, bound: Any) -> str:
    return f"error {float(np.nanmax(error))}, {float(np.nanmax(error / bound))} times the bound"


def tolerance(case: Crossing) -> Any:
    """Return how far a result may be from the exact one: a rounding for each term, and for what follows."""
    hole = np.nan if ignores(case) else 0
    sizes = case.changed(lambda one: np.abs(np.nan_to_num(one, nan=hole, posinf=0, neginf=0)))
    exact = np.abs(sizes.call(algorithm="reference"))
    sums, out = case.family.sums, str(case.family.result)
    several = 3 if ignores(case) or "complex" in str(sums) else 1  # roundings of each term
    bound = several * (case.terms + 2) * UNIT[sum_dtype(sums).name] * exact * 1.01
    return bound + UNIT[out] * (exact + bound) + SMALLEST.get(out, 1e-300)
