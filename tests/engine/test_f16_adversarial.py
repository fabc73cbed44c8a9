"""F16: no spec, however hostile, makes long code, a long compilation, much scratch or a wrong result.

Nothing is timed: the number of LLVM's instructions, which its time is proportional to, is what must stay
small; the seconds are printed. CONVOLVE_F16 sets the number of random specs (before a release 5,000).
"""

import math
import os
import random
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.compiler.pipeline import compile_ir, lower, signatures
from convolve.compiler.plan import ACTIVATIONS, Plan
from convolve.compiler.target import TARGETS, Target
from convolve.errors import TooLargeError
from convolve.runtime import engine, jit, single
from convolve.runtime.execution import Execution
from convolve.spec import ConvSpec
from tests import seeds

RANDOM = int(os.environ.get("CONVOLVE_F16", "80"))

MOST_LINES = 9_000
"""Lines of LLVM IR of a routine and its packing: 3,400 seen for AVX2, which take 0.15 s to compile, and 6,800
for targets with 32 registers, whose tiles have twice the size."""

MOST_OBJECT = 64 << 10
"""Bytes of machine code; 14,000 seen."""

HOSTILE: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "a row of 1023 taps": ((1, 1, 20, 1100), (1, 1, 1, 1023), {}),
    "a column of 1023 taps": ((1, 1, 1100, 20), (1, 1, 1023, 1), {}),
    "255 × 255 taps": ((1, 1, 270, 270), (1, 1, 255, 255), {}),
    "63 × 63 taps in float64": ((1, 2, 80, 80), (4, 2, 63, 63), {"dtype": "float64"}),
    "65,535 taps": ((1, 1, 66_000), (1, 1, 65_535), {}),
    "4095 taps, many channels": ((1, 16, 4150), (16, 16, 4095), {}),
    "9 × 9 × 9 taps, 64 channels": ((1, 64, 10, 10, 10), (64, 64, 9, 9, 9), {}),
    "511 planes": ((1, 1, 520, 8, 8), (1, 1, 511, 1, 1), {}),
    "dilation 1000": ((1, 4, 4000), (4, 4, 3), {"dilation": 1000}),
    "dilation 1 and 1000": ((1, 4, 30, 2100), (4, 4, 3, 3), {"dilation": (1, 1000)}),
    "dilation 100,000, more padding": ((1, 1, 5), (1, 1, 2), {"dilation": 10**5, "padding": 10**5}),
    "stride 97": ((1, 3, 400, 400), (8, 3, 11, 11), {"stride": 97}),
    "a stride of a million": ((1, 3, 9, 9), (4, 3, 3, 3), {"stride": 10**6}),
    "a stride of a million, one tap": ((2, 1, 9, 9), (1, 1, 3, 1), {"stride": 10**6, "dtype": "float64"}),
    "stride 97, one filter": ((1, 1, 3, 2000), (1, 1, 1, 3), {"stride": (1, 97)}),
    "4096 groups": ((1, 4096, 7, 7), (4096, 1, 3, 3), {"groups": 4096, "padding": 1}),
    "4096 channels": ((1, 4096, 2, 2), (4096, 4096, 1, 1), {}),
    "2048 filters of one channel": ((1, 1, 8, 8), (2048, 1, 3, 3), {}),
    "a filter larger than the image": ((1, 2, 5, 5), (2, 2, 21, 21), {"padding": 12}),
    "reflected four times over": (
        (1, 2, 5, 5), (2, 2, 21, 21), {"padding": 12, "padding_mode": "reflect"},
    ),
    "a padding of 100,000": ((1, 2, 100), (2, 2, 5), {"padding": 10**5}),
    "33 × 33 taps, channels last": ((1, 60, 70, 3), (3, 3, 33, 33), {"layout": "channels_last"}),
    "a batch of 5000": ((5000, 2, 3, 3), (4, 2, 3, 3), {"padding": 1}),
    "nothing but a column": ((1, 1, 100_000, 1), (1, 1, 1, 1), {}),
    "primes": (
        (1, 13, 37, 41),
        (29, 13, 13, 17),
        {"stride": (3, 2), "dilation": (2, 3), "padding": ((7, 3), (2, 19)), "padding_mode": "circular"},
    ),
    "every dimension strided and dilated": (
        (1, 2, 30, 30, 30), (5, 2, 7, 7, 7), {"dilation": 3, "stride": 2},
    ),
    "31 × 31 taps of 32 channels each alone": (
        (1, 32, 40, 40), (32, 1, 31, 31), {"groups": 32, "padding": 15},
    ),
}  # fmt: skip

LARGEST = 2**58
"""Numbers of an output that NumPy can still describe."""

PARTS: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "dilation 1000 in two dimensions": ((1, 4, 2010, 2010), (4, 4, 3, 3), {"dilation": 1000}),
    "a padding of five million": ((1, 1, 10), (1, 1, 3), {"padding": 5 * 10**6}),
    "no image": ((0, 3, 8, 8), (4, 3, 3, 3), {}),
    "no channel": ((2, 0, 8, 8), (4, 0, 3, 3), {}),
}
"""What is computed in parts, because scratch and tables are bounded, or not at all."""


def scratch_of(plan: Plan, asked: engine.Question, target: Target) -> int:
    """Return the bytes of scratch of each thread."""
    routine, packing = signatures(plan.code, target)
    no_code: Any = SimpleNamespace(routine=routine, packing=packing)  # an execution asks nothing else here
    ready = Execution(asked.sizes, plan, no_code, target, asked.axes, asked.fill, asked.interleaved)
    return ready.routine.scratch_bytes


def whole_numbers(shape: tuple[int, ...], dtype: str) -> Any:
    """Return an array of -1, 0 and 1, sums of which are exact."""
    return np.random.default_rng(seeds.seed()).integers(-1, 2, shape).astype(dtype)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    shape, taps, options = HOSTILE[name]
    planned = convolve.plan(shape, taps, **options)
    assert planned.why_not is None
    code, target = planned.plan.code, planned.target
    begun = time.perf_counter()
    ir = compile_ir(lower(code, target), target)
    written = time.perf_counter()
    made = jit.make_object(ir, target)
    seconds = f"{written - begun:.3f} s to write, {time.perf_counter() - written:.3f} s in LLVM"
    scratch = scratch_of(planned.plan, planned._asked, target)
    print(f"{name}: {ir.count(chr(10))} lines, {len(made)} bytes, {scratch} of scratch; {seconds}")
    assert ir.count("\n") <= MOST_LINES
    assert len(made) <= MOST_OBJECT
    assert scratch <= engine.LARGEST_SCRATCH
    check_result(shape, taps, options)


@pytest.mark.parametrize("name", PARTS)
def test_computed_in_parts(name: str) -> None:
    shape, taps, options = PARTS[name]
    planned = convolve.plan(shape, taps, **options)
    assert planned.why_not is None
    assert len(planned.conversions) == 1
    assert planned.conversions[0] in str(planned)
    check_result(shape, taps, options)


def check_result(shape: tuple[int, ...], taps: tuple[int, ...], options: dict[str, Any]) -> None:
    """Compare with the reference, which sums whole numbers exactly too."""
    rest = {key: value for key, value in options.items() if key != "dtype"}
    dtype = options.get("dtype", "float32")
    image, weight = whole_numbers(shape, dtype), whole_numbers(taps, dtype)
    function = getattr(convolve, f"conv{len(taps) - 2}d")
    expected = function(image, weight, **rest, algorithm="reference")
    assert np.array_equal(function(image, weight, **rest), expected)
    assert np.array_equal(convolve.plan(shape, taps, **options).bind(weight)(image), expected)


def draw_hostile(draw: random.Random) -> ConvSpec:
    """Return a spec with one number or another out of all proportion; nothing of its size is allocated."""
    dims, groups = draw.randint(1, 3), draw.choice((1, 1, 2, 1000))
    most = {1: 70_000, 2: 300, 3: 20}[dims]
    taps = tuple(draw.choice((1, 2, 3, draw.randint(1, most))) for _ in range(dims))
    stride = tuple(draw.choice((1, 1, 2, 97, 10**6)) for _ in range(dims))
    dilation = tuple(draw.choice((1, 1, 2, 31, 1000)) for _ in range(dims))
    reach = [e * (t - 1) + 1 for t, e in zip(taps, dilation, strict=True)]
    size = tuple(reach_d + draw.choice((0, 1, 50, 1_000, 100_000)) for reach_d in reach)
    channels, filters = draw.choice((1, 3, 64, 4096)), draw.choice((1, 3, 64, 4096))
    layout = draw.choice(("channels_first", "channels_last"))
    shape = (draw.choice((1, 10_000)), groups * channels, *size)
    if layout == "channels_last":
        shape = (shape[0], *size, groups * channels)
    padding = tuple(draw.choice((0, 1, reach_d)) for reach_d in reach)
    return convolve.plan(
        shape, (groups * filters, channels, *taps), dtype=draw.choice(("float32", "float64")), stride=stride,
        padding=padding, dilation=dilation, groups=groups, layout=layout,
        padding_mode=draw.choice(("zeros", "reflect", "circular")),
    ).spec  # fmt: skip


def test_random_hostile_specs_on_every_target(seed: int) -> None:
    draw = random.Random(seed)
    longest = most_scratch = compiled = 0
    while compiled < RANDOM:
        target = draw.choice(list(TARGETS.values()))
        try:
            spec = draw_hostile(draw)
        except (TooLargeError, ValueError):  # more numbers than can be addressed: ours, and NumPy's
            continue
        if not single.is_single(spec) or math.prod(spec.output_shape) > LARGEST:
            continue
        compiled += 1
        asked = engine.question(spec, engine.dense_view(spec), ACTIVATIONS[draw.choice(("none", "relu6"))])
        plan = engine.plan_of(asked, target)
        lines = compile_ir(lower(plan.code, target), target).count("\n")
        scratch = scratch_of(plan, asked, target)
        assert lines <= MOST_LINES, (plan, target.name)
        assert scratch <= engine.LARGEST_SCRATCH, (plan, target.name)
        longest, most_scratch = max(longest, lines), max(most_scratch, scratch)
    print(f"{compiled} specs: at most {longest} lines of IR and {most_scratch} bytes of scratch")
