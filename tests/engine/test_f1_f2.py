"""F1 and F2 for compiled code: exact on whole numbers, within the bound of any summation order on others.

The pool of geometries is drawn anew in each run by the seed that is printed; CONVOLVE_F1 and CONVOLVE_F2 set
the number of cases (release: 1,000,000 and 200,000).
"""

import copy
import os
import random
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.runtime import engine, machine_code
from tests import seeds
from tests.engine.cases import FLOATS, PAIRS, Case, draw_case, draw_geometry

EXACT = int(os.environ.get("CONVOLVE_F1", "2000"))
BOUNDED = int(os.environ.get("CONVOLVE_F2", "1000"))
TIMES = max(1, EXACT // 2000, BOUNDED // 1000)
"""How often the numbers of every commit are drawn: each time over other routines."""

FLOAT_PARTS = 3 * TIMES
"""Parts of float32 and float64, to which the bound of F2 applies; the others are of any dtype."""

PARTS = 6 * TIMES
"""Of one geometry each. Sizes choose between up to 25 routines of a geometry (tiles, and how cells are read),
9 on average with AVX2: over 70 seeds ten geometries needed 87 ± 20. Eight needed 160 once with AVX-512."""

MOST_ROUTINES = 150 * TIMES
UNIT = {"float32": 2.0**-24, "float64": 2.0**-53}


def pool(part: int) -> tuple[random.Random, object]:
    """Return the draw and the geometry of one part, the same for F1 and F2."""
    draw = random.Random(f"{seeds.seed()} compiled {part}")
    return draw, draw_geometry(draw, FLOATS if part < FLOAT_PARTS else PAIRS)


made: set[object] = set()


@pytest.fixture(autouse=True)
def note_routines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Note which routines the calls ask for."""
    original = machine_code.machine_code

    def noting(code: object, target: object) -> object:
        made.add((code, target))
        return original(code, target)

    monkeypatch.setattr(engine, "machine_code", noting)
    engine.execution.cache_clear()


def exact(case: Case) -> Any:
    """Return the reference's result; where it is refused, both ways must refuse it, and it saturates."""
    try:
        return case.call(algorithm="reference")
    except convolve.errors.IntegerOverflowError:
        with pytest.raises(convolve.errors.IntegerOverflowError):
            case.call()
        case.options["overflow"] = "saturate"
        return case.call(algorithm="reference")


@pytest.mark.parametrize("part", range(PARTS))
def test_whole_numbers_are_exact(part: int) -> None:
    draw, geometry = pool(part)
    for number in range(EXACT // PARTS):
        convolve.set_num_threads(1 + number % 3)
        case = draw_case(draw, geometry, whole=True)
        expected = exact(case)
        result = case.bound() if number % 4 == 0 else case.call()
        assert result.dtype == expected.dtype
        assert case.same(result, expected), (case.geometry, case.options, case.image.shape)
        if number % 5 == 0:
            out = np.full_like(expected, 77)
            assert case.call(out=out) is out
            assert case.same(out, expected), (case.geometry, case.options, case.image.shape)


@pytest.mark.parametrize("part", range(FLOAT_PARTS))
def test_real_numbers_are_within_the_bound(part: int) -> None:
    draw, geometry = pool(part)
    for _ in range(BOUNDED // FLOAT_PARTS):
        case = draw_case(draw, geometry, whole=False)
        result = case.call(accuracy="strict") if case.may_be_transformed else case.call()
        exact, sizes = (_wide(case, change) for change in (lambda a: a, np.abs))
        bound = (case.products + 2) * UNIT[case.geometry.dtype] * sizes * 1.01 + 1e-300
        assert (np.abs(result.astype(np.longdouble) - exact) <= bound).all(), (case.geometry, case.options)


def test_the_pool_is_bounded() -> None:
    """Runs after the others: sizes, boundaries and memory layouts must not each make a routine."""
    assert 0 < len(made) <= MOST_ROUTINES


def _wide(case: object, change: object) -> object:
    """Return the result in float64, the widest that the reference has, of the numbers or of their sizes."""
    wide = copy.copy(case)
    options = dict(case.options)
    if not isinstance(options["padding_mode"], str):
        options["padding_mode"] = float(options["padding_mode"])
    wide.image, wide.weight = (change(np.asarray(a, "float64")) for a in (case.image, case.weight))
    wide.bias = None if case.bias is None else change(np.asarray(case.bias, "float64"))
    wide.options = options
    return wide.call(algorithm="reference")


@pytest.fixture(autouse=True)
def threads_as_before() -> object:
    """Leave the number of threads as it was."""
    before = convolve.get_num_threads()
    yield
    convolve.set_num_threads(before)
