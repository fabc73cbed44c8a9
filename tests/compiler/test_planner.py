"""The planner: threads change no result, blocks give every thread work, and repeat and waste little."""

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import convolve
from bench import shapes
from bench.shapes import Shape
from convolve.arguments import conv_spec
from convolve.compiler import planner
from convolve.compiler.plan import Plan
from convolve.compiler.problem import (
    Geometry,
    Sizes,
    cells_read,
    geometry_of,
    item_bytes,
    panel_channels,
    pieces,
    sizes_of,
)
from convolve.compiler.target import AVX2, AVX512, AVX512_VNNI, BASELINE, NEON, Target
from convolve.runtime import engine
from convolve.runtime.arithmetic import decide

SHAPES = [shape for shape in shapes.load() if shape.kind == "forward" and shape.dtype == "float32"]
THREADS = (1, 2, 3, 8)
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
ZEN4 = replace(AVX512.of_cpu("AuthenticAMD", 25).with_caches(32 << 10, 1 << 20), name="zen4")
TARGETS = (AVX512, ZEN4, AVX2, BASELINE, NEON)
each_target = pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)


def question(shape: Shape) -> tuple[Sizes, Geometry]:
    """Return a shape of the standard set as the planner sees it; no numbers are made."""
    sizes = ((shape.batch, shape.channels, *shape.size), shape.weight_shape)
    image, weight = (np.broadcast_to(np.float32(0), size) for size in sizes)
    options = {name: getattr(shape, name) for name in ("stride", "padding", "dilation", "groups")}
    spec = conv_spec("conv", shape.dims, image, weight, **options).spec
    return sizes_of(spec), geometry_of(spec, "x", "x")


def items(plan: Plan, sizes: Sizes, target: Target) -> int:
    """Return how many items a plan cuts a convolution into."""
    panels = pieces(sizes.filters, panel_channels(plan.code, target))
    blocks = math.prod(map(pieces, sizes.output, plan.block))
    return sizes.batch * sizes.groups * blocks * pieces(panels, plan.panels_at_once)


@each_target
@each_shape
def test_threads_change_nothing_that_a_result_depends_on(shape: Shape, target: Target) -> None:
    sizes, geometry = question(shape)
    plans = [planner.plan(sizes, geometry, target, threads) for threads in THREADS]
    assert len({(plan.code, plan.channels_at_once) for plan in plans}) == 1


@each_target
@each_shape
def test_every_thread_has_work(shape: Shape, target: Target) -> None:
    sizes, geometry = question(shape)
    for threads in (2, 8):
        plan = planner.plan(sizes, geometry, target, threads)
        if plan.cycles > 10_000_000:  # some milliseconds
            assert items(plan, sizes, target) >= threads


@each_shape
def test_large_weights_are_not_read_again_for_every_few_rows(shape: Shape) -> None:
    """Four blocks of two rows once read 9 MB of weights four times, and took half as long again."""
    sizes, geometry = question(shape)
    weights = sizes.groups * sizes.filters * sizes.channels * math.prod(geometry.taps)
    if weights * item_bytes(geometry.dtype) < 8 << 20:
        return
    for threads in THREADS:
        plan = planner.plan(sizes, geometry, AVX2, threads)
        assert math.prod(plan.block) >= min(45, math.prod(sizes.output))


@each_shape
def test_an_item_of_a_contraction_fills_its_tiles(shape: Shape) -> None:
    sizes, geometry = question(shape)
    for threads in (1, 2):
        plan = planner.plan(sizes, geometry, AVX2, threads)
        if plan.code.method == "contract":
            pixels = plan.block[1] * plan.block[2]
            assert pixels / (pieces(pixels, plan.code.tile[0]) * plan.code.tile[0]) >= 0.9


@pytest.mark.parametrize("target", [AVX512, ZEN4])
def test_tiles_fit_the_map(target: Target) -> None:
    sizes, geometry = question(next(shape for shape in SHAPES if shape.name == "resnet50.res5.1x1"))
    assert planner.plan(sizes, geometry, target).code.tile[0] == 7


def test_rows_that_a_stride_skips_are_not_moved() -> None:
    sizes, geometry = question(next(shape for shape in SHAPES if shape.name == "resnet50.res3.1x1s2"))
    assert cells_read(sizes, geometry) == 28 * 56
    assert cells_read(sizes, replace(geometry, taps=(1, 3, 3))) == 56 * 56
    assert cells_read(sizes, replace(geometry, stride=(1, 1, 1))) == 28 * 56
    plan = planner.plan(sizes, geometry, AVX2)
    assert plan.bytes_moved == 4 * (256 * 28 * 56 + 512 * 28 * 28 + 512 * 256)


BYTES = ("bool", "int8", "uint8")


def question_of_bytes(
    shape: tuple[int, ...], weight: tuple[int, ...], dtypes: tuple[str, str], **options: Any
) -> tuple[Sizes, Geometry]:
    """Return a convolution of bytes as the planner sees it."""
    image, filters = (np.zeros(size, dtype) for size, dtype in zip((shape, weight), dtypes, strict=True))
    spec = conv_spec("conv", 2, image, filters, None, **options).spec
    decision = decide(spec)
    assert decision is not None
    return sizes_of(spec), geometry_of(spec, "x", "x", arithmetic=decision.arithmetic)


@pytest.mark.parametrize("dtypes", list(itertools.product(BYTES, repeat=2)), ids="-".join)
def test_bytes_are_multiplied_by_fours_where_the_target_can(dtypes: tuple[str, str]) -> None:
    asked = question_of_bytes((1, 64, 28, 28), (64, 64, 3, 3), dtypes)
    for target in (AVX512, AVX2, BASELINE, NEON):
        assert planner.plan(*asked, target).code.method != "dot"
    made = planner.plan(*asked, AVX512_VNNI)
    assert (made.code.method, made.code.dtype) == ("dot", "int32")
    assert made.code.weight_dtype in ("int8", "uint8")
    assert "64 channels at once" in str(made)


@pytest.mark.parametrize(
    ("options", "dtypes"),
    [
        ({}, ("int16", "int8")),
        ({}, ("uint8", "int16")),
        ({}, ("uint8", "float32")),
        ({"out_dtype": "float16"}, ("uint8", "int8")),
    ],
)
def test_what_no_byte_holds_is_multiplied_otherwise(options: dict[str, Any], dtypes: tuple[str, str]) -> None:
    asked = question_of_bytes((1, 64, 9, 9), (64, 64, 3, 3), dtypes, **options)
    assert planner.plan(*asked, AVX512_VNNI).code.method != "dot"


def test_few_filters_are_left_to_other_methods() -> None:
    for shape, weight in (((1, 64, 56, 56), (1, 64, 3, 3)), ((1, 1, 500, 500), (1, 1, 3, 3))):
        asked = question_of_bytes(shape, weight, ("uint8", "int8"))
        assert planner.plan(*asked, AVX512_VNNI).code.method == "stencil"


@each_target
@pytest.mark.parametrize("size", [(7, 8), (40, 60), (300, 500)])
def test_planes_filtered_together_are_filtered_as_each_alone(target: Target, size: tuple[int, int]) -> None:
    """Products of lines or not: that decides on the order of summation, and so on the bits."""
    methods = set()
    for batch, channels, last in ((1, 1, False), (1, 3, False), (5, 40, False), (1, 3, True), (1, 4, True)):
        shape = (batch, *size, channels) if last else (batch, channels, *size)
        layout = "channels_last" if last else "channels_first"
        weight = (channels, 1, 9, 9)
        spec = convolve.plan(shape, weight, padding=4, groups=channels, layout=layout).spec
        view = engine.View("x", "x", interleaved=channels) if last else engine.dense_view(spec)
        asked = engine.question(spec, view)
        asked = replace(asked, sizes=replace(asked.sizes, terms=2))
        methods.add(engine.plan_of(asked, target).code.method == "separable")
    assert len(methods) == 1
