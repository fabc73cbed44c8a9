"""F5: the same bits for 1, 2, 3, 7 and 16 threads, on repeats, bound or not (CONVOLVE_F5 sets the number)."""

import os
import random
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.dtypes import kind_of, parse_dtype
from convolve.runtime import engine
from tests import seeds
from tests.engine.cases import PAIRS, Case, draw_case, draw_geometry

SPECS = int(os.environ.get("CONVOLVE_F5", "50"))
PARTS = 5
THREADS = (1, 2, 3, 7, 16)
LARGER = {1: 60, 2: 8, 3: 4}
"""How often an image is repeated along each dimension, so that there is work for several threads."""


EVERY_OTHER_FLOAT = (*PAIRS, *[("float32", "float32"), ("float64", "float64")] * (len(PAIRS) // 2))
"""dtypes of image and weight; sums of floats are those whose order shows, those of integers show a race."""


@pytest.fixture(autouse=True)
def threads_as_before() -> Any:
    before = convolve.get_num_threads()
    yield
    convolve.set_num_threads(before)


def large_case(draw: random.Random) -> Case:
    """Return a case with a larger image, of real numbers where the dtype has them."""
    geometry = draw_geometry(draw, EVERY_OTHER_FLOAT)
    dtypes = parse_dtype(geometry.dtype, "dtype"), parse_dtype(geometry.weight_dtype, "dtype")
    case = draw_case(draw, geometry, whole=any(kind_of(dtype) == "integer" for dtype in dtypes))
    dims = case.geometry.dims
    first = 1 if case.geometry.layout == "channels_last" else 2
    times = [LARGER[dims] if first <= axis < first + dims else 1 for axis in range(dims + 2)]
    image = np.tile(np.asarray(case.image, dtypes[0]), times)
    if kind_of(dtypes[0]) != "integer":
        image += np.random.default_rng(draw.randrange(2**32)).standard_normal(image.shape).astype(dtypes[0])
    case.image = image
    return case


def items(case: Case) -> int:
    """Return into how many items the work is cut."""
    planned = convolve.plan(
        case.image.shape,
        case.weight.shape,
        dtype=case.geometry.dtype,
        weight_dtype=case.geometry.weight_dtype,
        bias=case.bias is not None,
        **case.options,
    )
    return engine.execution(planned._asked).items


@pytest.mark.parametrize("part", range(PARTS))
def test_threads_and_repeats_change_no_bit(part: int) -> None:
    draw = random.Random(f"{seeds.seed()} threads {part}")
    shared = 0
    for _ in range(SPECS // PARTS):
        case = large_case(draw)
        convolve.set_num_threads(THREADS[0])
        expected = case.call().tobytes()
        for threads in THREADS:
            convolve.set_num_threads(threads)
            for call in (case.call, case.call, case.bound):
                assert call().tobytes() == expected, (threads, call.__name__, case.geometry, case.image.shape)
        shared += items(case) >= 2
    assert shared >= SPECS // PARTS // 2
