"""What LLVM makes of the inner blocks: sums, weights and cells stay in registers, and nothing is called.

The shapes are those that are timed. Code is looked at, not run, for CPUs other than this one too.
"""

import functools
import re
from dataclasses import replace

import numpy as np
import pytest

from bench.shapes import load
from convolve.arguments import conv_spec, weight_grad_spec
from convolve.compiler.dot_costs import dot_tiles
from convolve.compiler.plan import Code, Triple
from convolve.compiler.target import AVX2, AVX512, AVX512_VNNI, BASELINE, NEON, Target
from convolve.runtime import engine, weight_gradient
from tests.compiler.assembly import Loop, hot_loops

ZEN4 = AVX512.of_cpu("AuthenticAMD", 25).with_caches(32 << 10, 1 << 20)
"""AVX-512 of a CPU that begins one multiply-add of whole vectors in a cycle: it has tiles of its own."""

ELSEWHERE = {
    AVX512: (
        "resnet50.res2.3x3", "resnet50.res2.1x1", "resnet50.res3.1x1s2", "mobilenet2.dw112",
        "mobilenet2.dw56s2", "mobilenet2.dw7", "mobilenet2.pw", "resnext.g32", "image.4k.k3",
        "audio.wav2vec0", "audio.fir1023", "volume.32to32",
    ),
    NEON: (
        "resnet50.res2.3x3", "resnet50.res2.1x1", "resnet50.res4.1x1", "mobilenet2.conv1", "mobilenet2.dw112",
        "mobilenet2.pw", "yolo.stem", "image.4k.k3", "image.4k.k7", "image.1080.rgb.f32.k9", "audio.fir1023",
        "volume.32to32",
    ),
    BASELINE: (
        "resnet50.res2.1x1", "resnet50.res4.1x1", "mobilenet2.dw7", "mobilenet2.pw", "resnext.g32",
        "image.4k.k3", "audio.fir1023",
    ),
}  # fmt: skip
"""Target -> representative shapes without spills."""

TWO_OPERANDS = (
    "resnet50.conv1", "resnet50.res2.3x3", "mobilenet2.dw56s2", "yolo.stem", "image.4k.k15",
    "audio.wav2vec0", "volume.32to32",
)  # fmt: skip
"""Shapes of which baseline x86-64 keeps a part on the stack: its instructions overwrite an operand, so that
every product needs a register of its own."""

MULTIPLY = {AVX2: "vfmadd", AVX512: "vfmadd", ZEN4: "vfmadd", NEON: "fmla", BASELINE: "mulps"}
"""The instruction that an inner block is made of."""


@functools.cache
def codes(target: Target) -> dict[str, Code]:
    """Return what each forward shape is specialised to; sizes are no part of it."""
    return {shape.name: code_of(shape, target) for shape in load() if shape.is_forward}


def code_of(shape: object, target: Target, accuracy: str = "strict") -> Code:
    """Return what a shape is specialised to, by the direct method, of arrays that take no memory."""
    image, weight = (np.zeros((), dtype) for dtype in (shape.dtype, shape.weight_dtype))
    call = conv_spec(
        "conv", shape.dims, np.broadcast_to(image, (shape.batch, shape.channels, *shape.size)),
        np.broadcast_to(weight, shape.weight_shape), None, stride=shape.stride, padding=shape.padding,
        dilation=shape.dilation, groups=shape.groups, padding_mode=shape.padding_mode, accuracy=accuracy,
        out_dtype=shape.out_dtype, overflow="saturate",
    )  # fmt: skip
    return engine.plan_of(engine.question(call.spec, engine.dense_view(call.spec)), target).code


@functools.cache
def loops(code: Code, target: Target) -> list[Loop]:
    """Return the hot loops of a routine, which several shapes may share."""
    return hot_loops(code, target)


def most_spills(name: str, target: Target) -> float:
    """Return the most places on the stack per multiply-add."""
    return max((len(loop.spills) / loop.products for loop in loops(codes(target)[name], target)), default=9.0)


SHAPES = [shape.name for shape in load() if shape.is_forward]
PAIRS = [(target, name) for target in (AVX2, ZEN4) for name in SHAPES]
PAIRS += [(target, name) for target, names in ELSEWHERE.items() for name in names]


@pytest.mark.parametrize(("target", "name"), PAIRS, ids=lambda one: getattr(one, "name", one))
def test_no_vector_is_spilled(target: Target, name: str) -> None:
    found = loops(codes(target)[name], target)
    assert found
    assert [loop.spills for loop in found if loop.spills] == []


@pytest.mark.parametrize("name", TWO_OPERANDS)
def test_baseline_spills_little(name: str) -> None:
    assert most_spills(name, BASELINE) <= 0.15


@pytest.mark.parametrize("target", MULTIPLY, ids=lambda target: target.name)
def test_blocks_multiply_and_call_nothing(target: Target) -> None:
    names = (
        SHAPES
        if target in (AVX2, ZEN4)
        else [*ELSEWHERE[target], *(TWO_OPERANDS if target == BASELINE else ())]
    )
    for name in names:
        for loop in loops(codes(target)[name], target):
            assert loop.calls == [], name
            assert loop.has(MULTIPLY[target]), name
            assert target.fma or loop.has("addps"), name


@pytest.mark.parametrize(("place", "tile"), list(enumerate(dot_tiles(AVX512_VNNI))))
def test_bytes_are_multiplied_by_fours_in_registers(place: int, tile: tuple[int, int]) -> None:
    weight_dtype = ("int8", "uint8")[place % 2]  # which differs in packing alone
    for taps, inner in (((1, 3, 3), "x"), ((1, 1, 1), "channel"), ((1, 7, 7), "x")):
        code = Code(
            "dot", "int32", taps, (1, 1, 1), (1, 1, 1), (*tile, 1), inner, inner,
            input_dtype="uint8", weight_dtype=weight_dtype, output_dtype="int32",
        )  # fmt: skip
        found = [loop for loop in loops(code, AVX512_VNNI) if loop.has("vpdpbusd")]
        assert found
        assert [(loop.spills, loop.calls) for loop in found] == [([], [])] * len(found)
        products = sum(bool(re.match(r"\s+vpdpbusd", line)) for line in found[0].lines)
        assert products % (tile[0] * tile[1]) == 0


@pytest.mark.parametrize("target", [AVX2, AVX512, NEON], ids=lambda target: target.name)
def test_winograds_products_stay_in_registers(target: Target) -> None:
    """Its transforms do not fit the registers; they are taken in stages, and may be spilled."""
    shapes = [shape for shape in load() if shape.name in ("vgg.conv2_2", "resnet50.res5.3x3")]
    for code in {code_of(shape, target, "default") for shape in shapes}:
        if code.method == "winograd":
            dense = [loop for loop in loops(code, target) if loop.products > 0.4 * len(loop.lines)]
            assert dense  # transforms move and add as much as they multiply
            assert [loop.spills for loop in dense] == [[]] * len(dense)
            assert all(loop.calls == [] for loop in loops(code, target))


def test_too_many_sums_are_seen_to_spill() -> None:
    code = Code("contract", "float32", (1, 3, 3), (1, 1, 1), (1, 1, 1), (9, 2, 1))
    assert all(loop.spills for loop in hot_loops(code, AVX2))
    assert not any(loop.spills for loop in hot_loops(replace(code, tile=(6, 2, 1)), AVX2))
    wide = replace(code, tile=(9, 4, 1))
    assert all(loop.spills for target in (AVX512, NEON) for loop in hot_loops(wide, target))


def test_a_library_call_is_seen() -> None:
    code = Code("stencil", "float32", (1, 3, 3), (1, 1, 1), (1, 1, 1), (1, 5, 2))
    as_if = replace(BASELINE, fma=True)  # which its instructions do not have
    assert any("fmaf" in call for loop in hot_loops(code, as_if) for call in loop.calls)


@pytest.mark.parametrize("taps", [(1, 31, 31), (25, 25, 25)])
@pytest.mark.parametrize("box", [False, True])
def test_separable_passes_keep_all_in_registers(taps: Triple, box: bool) -> None:
    boxes = (box and taps[0] > 1, box, box)
    code = Code("separable", "float32", taps, (1, 1, 1), (1, 1, 1), (1, 1, 10), boxes=boxes)
    for target in (AVX2, AVX512):
        found = hot_loops(code, target)
        assert [(loop.spills, loop.calls) for loop in found] == [([], [])] * len(found)
        assert all(loop.has(MULTIPLY[target]) for loop in found)
        assert len(found) >= sum(length > 1 for length in taps)


INTEGERS = ((64, 64, 3, 1), (256, 256, 1, 1), (144, 144, 3, 144))
"""Channels, filters, taps and groups of a map of 14 × 14."""


@pytest.mark.parametrize("target", [AVX2, AVX512, NEON], ids=lambda target: target.name)
@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_sums_of_integers_stay_in_registers(target: Target, dtype: str) -> None:
    for channels, filters, taps, groups in INTEGERS:
        image = np.broadcast_to(np.zeros((), dtype), (1, channels, 14, 14))
        weight = np.broadcast_to(np.zeros((), dtype), (filters, channels // groups, taps, taps))
        spec = conv_spec("conv", 2, image, weight, None, padding=taps // 2, groups=groups).spec
        found = hot_loops(engine.plan_of(engine.question(spec, engine.dense_view(spec)), target).code, target)
        assert found
        few = 1 / 6 if target is AVX2 else 0  # it has 16 registers: 12 sums, and products that need their own
        assert max(len(loop.spills) / loop.products for loop in found) <= few
        assert [loop.calls for loop in found] == [[]] * len(found)


@pytest.mark.parametrize("target", [AVX2, AVX512, NEON], ids=lambda target: target.name)
@pytest.mark.parametrize(("channels", "filters", "groups"), [(128, 128, 1), (3, 32, 1), (32, 32, 32)])
def test_sums_of_gradients_stay_in_registers(
    target: Target, channels: int, filters: int, groups: int
) -> None:
    image = np.broadcast_to(np.zeros((), "f"), (4, channels, 28, 28))
    gradient = np.broadcast_to(np.zeros((), "f"), (4, filters, 28, 28))
    shape = (filters, channels // groups, 3, 3)
    spec = weight_grad_spec(2, image, shape, gradient, padding=1, groups=groups).spec
    asked = weight_gradient.question(spec, engine.dense_view(spec))
    found = hot_loops(weight_gradient.plan_of(asked, target).code, target)
    assert any(loop.has(MULTIPLY[target]) for loop in found)
    assert [(loop.spills, loop.calls) for loop in found] == [([], [])] * len(found)
