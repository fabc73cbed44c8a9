"""Convolves random cases whose every array lies between forbidden pages: figure F4.

Run as ``python -X faulthandler -m tests.engine.guard_child SEED COUNT [BUG]``. Every case is named before it
is run, so that the last line names the one that ended the process. BUG seeds a bug, to see it caught by
the forbidden pages alone: results are not compared then.
"""

import ctypes
import random
import sys
from typing import Any

import numpy as np

import convolve
from convolve import pooling
from convolve.api import dispatch, planned
from convolve.api import pooled as pooled_api
from convolve.compiler import planner
from convolve.errors import ShapeError
from convolve.runtime import (
    bound,
    engine,
    execution,
    pool,
    pooled,
    scratch,
    threads,
    transposed,
    weight_gradient,
)
from tests.engine import guarded
from tests.engine.cases import Geometry, draw_case, draw_geometry
from tests.engine.gradient_cases import draw_gradient

GEOMETRIES = 9
"""As in F1: with the tiles that sizes choose between, fewer than 150 routines."""


WINOGRAD = Geometry(2, (3, 3), (1, 1), (1, 1), 1, 17, 21, "float32", "channels_first")


def guard_everything(draw: random.Random) -> None:
    """Let all that the engine allocates lie between guards."""
    numpy = guarded.GuardedNumPy(draw)
    for module in (execution, dispatch, bound, planned, pooled, pooled_api, transposed, weight_gradient):
        module.np = numpy  # type: ignore[attr-defined]
    for module in (execution, weight_gradient):
        module.aligned = lambda shape, dtype: numpy.empty(shape, dtype)  # type: ignore[attr-defined]

    def buffer(size: int) -> tuple[Any, int]:
        room = guarded.raw(size, at_end=draw.random() < 0.8)
        return room, room.ctypes.data

    for module in (scratch, pool):
        module.buffer = buffer


def seed_bug(name: str) -> None:
    """Make the engine wrong in one place."""
    if name == "scratch":  # a vector less than the routine was told
        whole = scratch.buffer

        def less(size: int) -> tuple[Any, int]:
            room, address = whole(size)
            return room, address + 64

        scratch.buffer = pool.buffer = less
    elif name == "output":  # everything is written one number further
        prepare = execution.Workspace._prepare

        def further(self: Any, image: int, out: int, strides: Any) -> None:
            prepare(self, image, out + 4, strides)

        execution.Workspace._prepare = further  # type: ignore[method-assign]


def no_scratch_left_over() -> None:
    """Let the next call ask for as much scratch as it needs, not use a larger one of an earlier call."""
    threads._own_scratch.size = 0


def run(draw: random.Random, geometry: Any, number: int, compare: bool) -> None:
    """Draw a case, convolve it in one of the public ways, and compare."""
    case = draw_case(draw, geometry, whole=True)
    print(number, case.geometry, case.image.shape, case.options, flush=True)
    expected = case.call(algorithm="reference")
    case.image, case.weight = (
        guarded.held(draw, np.array(a, a.dtype.newbyteorder("="))) for a in (case.image, case.weight)
    )
    if case.bias is not None:
        case.bias = guarded.copied(case.bias, draw.random() < 0.5)
    convolve.set_num_threads(1 + number % 2)
    no_scratch_left_over()
    if number % 3 == 0:
        result = case.call()
        assert case.same(result, expected) or not compare
        no_scratch_left_over()
        result = case.call()  # by the recipe of the call before
    elif number % 3 == 1:
        out = guarded.held(draw, np.full_like(expected, 77))
        out = out if out.flags.writeable else guarded.copied(out)
        result = case.call(out=out)
        assert result is out
    else:
        result = case.bound()
    assert case.same(result, expected) or not compare
    if number % 4 == 0 and geometry.dtype in ("float32", "float64") and not geometry.options:
        run_gradients(draw, geometry, compare)


def run_gradients(draw: random.Random, geometry: Any, compare: bool) -> None:
    """Compute both gradients of a case, twice: the second time by the recipe of the first."""
    case = draw_gradient(draw, geometry, whole=True)
    case.image, case.gradient = (
        guarded.held(draw, np.array(a, geometry.dtype)) for a in (case.image, case.gradient)
    )
    shape, expected = case.image.shape, case.expected()
    weight = guarded.copied(np.ones(case.weight_shape, geometry.dtype))
    back = getattr(convolve, f"conv{geometry.dims}d_input_grad")
    total = back(shape, weight, case.gradient, **case.options, algorithm="reference")
    for _ in range(2):
        no_scratch_left_over()
        assert np.array_equal(case.call(), expected) or not compare
        result = back(shape, weight, case.gradient, **case.options)
        assert np.array_equal(np.rint(result), total) or not compare  # whole numbers, maybe by transforms


WINDOWS = (
    {"kernel_size": (3, 3), "stride": 2, "padding": 1},
    {"kernel_size": (2, 2), "layout": "channels_last", "padding": ((1, 0), (0, 1))},
    {"kernel_size": (1, 3), "stride": 1, "dilation": 2, "padding": ((0, 0), (2, 1))},
)


def run_pool(draw: random.Random, number: int, compare: bool) -> None:
    """Pool an image between guards, and compare."""
    options = dict(WINDOWS[number % len(WINDOWS)], ceil_mode=draw.random() < 0.5)
    shape = [draw.randint(1, 3), draw.randint(1, 40), draw.randint(1, 40), draw.randint(1, 20)]
    numbers = np.random.default_rng(draw.randrange(1 << 30))
    image = guarded.held(draw, numbers.integers(-9, 9, shape).astype(np.float32))
    print(number, "pool", shape, options, flush=True)
    try:
        made = pooling.pool(2, image, **options)
    except ShapeError:
        return
    no_scratch_left_over()
    expected, where = pooling.max_pool(made, True)
    found, places = convolve.max_pool2d(image, **options, return_indices=True)
    same = np.array_equal(found, expected) and np.array_equal(places, where)
    same = same and np.array_equal(convolve.max_pool2d(image, **options), expected)
    mean = convolve.avg_pool2d(image, **options)
    assert (same and np.allclose(mean, pooling.avg_pool(made, True, None), 1e-5, 1e-5)) or not compare


def main() -> None:
    """Run all cases."""
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    print("seed", seed, flush=True)
    draw = random.Random(seed)
    geometries = [WINOGRAD, *(draw_geometry(draw) for _ in range(GEOMETRIES - 1))]
    guard_everything(draw)
    planner.WORTH_FACTORS = float("inf")  # as in the other tests of this folder
    for name in sys.argv[3:]:
        seed_bug(name)
    for number in range(count):
        run(draw, geometries[number % GEOMETRIES], number, compare=not sys.argv[3:])
        if number % 4 == 0:
            run_pool(draw, number // 4, compare=not sys.argv[3:])
        if number % 50 == 49:
            weight_gradient.execution.cache_clear()
            engine.execution.cache_clear()  # so that guarded memory does not pile up
            pooled.execution.cache_clear()
            dispatch._recipes.clear()
            pooled_api._recipes.clear()
    assert ctypes.string_at(b"alive") == b"alive"
    print("done", count, flush=True)


if __name__ == "__main__":
    main()
