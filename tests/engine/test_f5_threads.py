"""F5: the same bits for 1, 2, 3, 7 and 16 threads, on repeats, bound or not (CONVOLVE_F5 sets the number)."""

import os
import random
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.runtime import engine
from tests import seeds
from tests.engine.cases import FLOATS, Case, draw_case, draw_geometry

SPECS = int(os.environ.get("CONVOLVE_F5", "50"))
PARTS = 5
THREADS = (1, 2, 3, 7, 16)
LARGER = {1: 60, 2: 8, 3: 4}
"""How often an image is repeated along each dimension, so that there is work for several threads."""


@pytest.fixture(autouse=True)
def threads_as_before() -> Any:
    before = convolve.get_num_threads()
    yield
    convolve.set_num_threads(before)


def large_case(draw: random.Random) -> Case:
    """Return a case of real numbers with a larger image."""
    case = draw_case(draw, draw_geometry(draw, FLOATS), whole=False)
    dims = case.geometry.dims
    first = 1 if case.geometry.layout == "channels_last" else 2
    times = [LARGER[dims] if first <= axis < first + dims else 1 for axis in range(dims + 2)]
    image = np.tile(np.asarray(case.image, case.geometry.dtype), times)
    noise = np.random.default_rng(draw.randrange(2**32)).standard_normal(image.shape)
    case.image = (image + noise).astype(case.geometry.dtype)
    return case


def items(case: Case) -> int:
    """Return into how many items the work is cut."""
    planned = convolve.plan(
        case.image.shape,
        case.weight.shape,
        dtype=case.geometry.dtype,
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
