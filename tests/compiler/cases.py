"""What the tests of the compiler share: random codes, and whole convolutions made ready for a loop nest."""

import functools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convolve import reference
from convolve.arguments import Call, conv_spec
from convolve.axis import Axis
from convolve.compiler import planner
from convolve.compiler.affine import Affine
from convolve.compiler.costs import Choice, reads_directly
from convolve.compiler.expressions import NOTHING
from convolve.compiler.interpreter import evaluate, unwritten
from convolve.compiler.loopnest import Buffer, Routine
from convolve.compiler.passes import plan_passes
from convolve.compiler.pipeline import Nests, lower
from convolve.compiler.plan import ACTIVATIONS, Code, Inner, Method, Plan, Triple
from convolve.compiler.problem import Sizes, geometry_of, sizes_of
from convolve.compiler.target import TARGETS, Target
from convolve.runtime.arithmetic import decide
from convolve.runtime.execution import Execution

Array = NDArray[Any]
METHODS: tuple[Method, ...] = ("contract", "stencil", "depthwise")


def random_code(draw: random.Random, most_taps: int = 5) -> Code:
    """Return a code of one to three dimensions, with a tile as a planner might choose it."""
    dims = draw.randint(1, 3)

    def triple(most: int) -> Triple:
        d, h, w = (1,) * (3 - dims) + tuple(draw.randint(1, most) for _ in range(dims))
        return d, h, w

    tile = (draw.randint(1, 9), draw.randint(1, 3), 1)
    if draw.random() < 0.25:
        return _separable_code(draw, (triple(9), triple(3)))
    method = draw.choice([*METHODS, "winograd", "dot"])
    if method == "winograd":
        return replace(_winograd_code(draw), tile=(*tile[:2], draw.choice([2, 4])))
    if method == "stencil":
        tile = (draw.choice([1, 2, 3, 4]), draw.randint(1, 4), draw.choice([1, 2, 3]))
    orders: list[Inner] = ["x", "channel"] if method == "depthwise" else ["x", "channel", "none"]
    taps, stride = triple(draw.choice([1, most_taps])), triple(3)
    if method == "depthwise":  # never chosen for one tap with a stride
        d, h, w = (s if t > 1 else 1 for s, t in zip(stride, taps, strict=True))
        stride = d, h, w
    plain = Code(
        method,
        draw.choice(["float32", "float64"]),
        taps,
        stride,
        triple(2),
        tile,
        draw.choice(orders),
        draw.choice(orders),
        ACTIVATIONS[draw.choice(["none", "relu", "relu6"])],
    )
    if method == "dot":
        bytes_of = (draw.choice(["int8", "uint8", "bool"]), draw.choice(["int8", "uint8"]))
        given = {"input_dtype": bytes_of[0], "weight_dtype": bytes_of[1], "output_dtype": "int32"}
        return replace(plain, dtype="int32", activation=NOTHING, **given)
    return replace(plain, **draw.choice([{}, *_ways(plain)]))


def _separable_code(draw: random.Random, sizes: tuple[Triple, Triple]) -> Code:
    """Return the code of a separable filter, with a tile as a planner might choose it."""
    dtype, layout = draw.choice(["float32", "float64"]), draw.choice(["x", "channel", "none"])
    tile = draw.choice([(1, 1, 10), (1, 2, 5), (1, 2, 4), (1, 3, 3), (1, 1, 1)])
    activation = ACTIVATIONS[draw.choice(["none", "relu"])]
    boxes = [draw.random() < 0.5 and apart == 1 for apart in sizes[1]]
    code = Code("separable", dtype, sizes[0], (1, 1, 1), sizes[1], tile, layout, "x", activation)
    streams = draw.random() < 0.5
    return replace(code, boxes=(boxes[0], boxes[1], draw.random() < 0.5), streams=streams)


def _winograd_code(draw: random.Random) -> Code:
    """Return a code for Winograd's method, without its tile."""
    one, activation = (1, 1, 1), ACTIVATIONS[draw.choice(["none", "relu", "relu6"])]
    inner = [draw.choice(["x", "channel", "none"]) for _ in range(2)]
    dilation = draw.choice([one, (1, 2, 2), (1, 1, 3)])
    return Code("winograd", "float32", (1, 3, 3), one, dilation, one, *inner, activation)


def _ways(code: Code) -> Iterator[dict[str, int]]:
    """Yield the other ways to read the input that fit a code, as the planner would allow them."""
    same_stride = code.packed_stride == code.stride
    if code.method == "depthwise":
        yield {"whole": True}
    if code.method == "contract" and code.stride[2] == 1:
        yield {"spread": 2}
        yield {"spread": 4, "shift": 1}
    if code.method == "contract" and code.taps == (1, 1, 1) and code.reads != "channel":
        yield {"tiled": True}
    if code.method == "stencil" and code.reads == code.writes == "x" and same_stride:
        yield {"whole": True}
        if code.stride[2] == 1:
            yield {"direct": True}
            yield {"direct": True, "streams": True}
    if code.method == "stencil" and code.writes == "x":
        yield {"streams": True}


def random_codes(seed: int, count: int) -> Iterator[tuple[Code, Target]]:
    draw = random.Random(seed)
    for _ in range(count):
        yield random_code(draw), draw.choice(list(TARGETS.values()))


@dataclass
class Case:
    """One convolution: its nests, what they are fed with, and the reference's result."""

    call: Call
    target: Target
    plan: Plan
    nests: Nests
    execution: Execution
    packed: dict[str, Array]
    arrays: dict[str, Array]
    out: Array

    def values(self, routine: Routine) -> dict[str, int]:
        template = self.execution.packing if routine is self.nests.packing else self.execution.routine
        block = template.block()
        return {name: block[place] for name, place in template.layout.parameters.items()}

    def expected(self) -> Array:
        """The reference's result as the output buffer sees it, an activation included."""
        return evaluate(self.plan.code.activation, reference.run(self.call))


def random_case(draw: random.Random, target: Target, method: str | None = None) -> Case:
    """Return a small convolution of whole numbers."""
    if method == "separable":
        return separable_case(draw, target)
    method = method or draw.choice(METHODS)
    dims, groups = draw.randint(1, 3), draw.choice([1, 1, 2])
    channels, filters = draw.randint(1, 3), draw.randint(1, 6)
    if method == "depthwise":
        groups, channels, filters = target.lanes(4) + draw.randint(0, 5), 1, 1
    size = tuple(draw.randint(3, 9 if dims > 1 else 40) for _ in range(dims))
    taps = tuple(draw.randint(1, draw.choice([1, 3])) for _ in range(dims))
    steps = tuple(draw.randint(1, 3) if t > 1 or method != "depthwise" else 1 for t in taps)
    layout = draw.choice(["channels_first", "channels_last"])
    dtype = draw.choice(["float32", "float64"])
    numbers = np.random.default_rng(draw.randrange(1 << 30))
    shape = (groups * channels, *size) if layout == "channels_first" else (*size, groups * channels)
    call = conv_spec(
        "conv",
        dims,
        numbers.integers(-4, 5, (draw.randint(1, 2), *shape)).astype(dtype),
        numbers.integers(-4, 5, (groups * filters, channels, *taps)).astype(dtype),
        numbers.integers(-4, 5, groups * filters).astype(dtype),
        stride=steps,
        padding=tuple(draw.randint(0, 2) for _ in range(dims)),
        dilation=tuple(draw.randint(1, 2) if length > 4 else 1 for length in size),
        groups=groups,
        padding_mode=draw.choice(["zeros", "reflect", "symmetric", "replicate", "circular"]),
        layout=layout,
    )
    blocks = draw.randint(1, 3), draw.randint(1, 5), draw.randint(1, 12)
    return case_of(call, target, method, blocks, draw.choice(["none", "relu", "relu6"]), draw)


def separable_case(draw: random.Random, target: Target) -> Case:
    """Return a small convolution of whole numbers with sums of products of lines."""
    dims, filters, terms = draw.choice([2, 3]), 1, draw.randint(1, 2)  # the interpreter takes its time
    numbers = np.random.default_rng(draw.randrange(1 << 30))
    taps = tuple(draw.randint(1, 3 if dims == 3 else draw.choice([3, 9])) for _ in range(dims))
    lines = numbers.integers(-2, 3, (filters, terms, sum(taps)))
    lines[..., 0] = 1 if taps[0] == 1 else lines[..., 0]  # no pass goes along one tap
    weight = np.zeros((filters, 1, *taps))
    for product, line in zip(weight[:, 0], lines, strict=True):
        for term in line:
            product += functools.reduce(np.multiply.outer, np.split(term, np.cumsum(taps)[:-1]))
    size = tuple(2 * length + draw.randint(1, 9 if dims == 2 else 2) for length in taps)
    dtype = draw.choice(["float32", "float64"])
    image = numbers.integers(-4, 5, (1, 1, *size)).astype(dtype)
    dilation = tuple(draw.choice([1, 1, 2]) for _ in taps)
    mode = draw.choice(["zeros", "reflect", "circular"])
    call = conv_spec(
        "conv", dims, image, weight.astype(dtype), None, padding=tuple(draw.randint(0, 2) for _ in taps),
        dilation=dilation, padding_mode=mode,
    )  # fmt: skip
    factors = np.concatenate([np.ones((filters, terms, 3 - dims)), lines], 2).astype(dtype)
    block = draw.randint(1, 3), draw.randint(4, 9), draw.randint(9, 30)
    return case_of(call, target, "separable", block, draw.choice(["none", "relu"]), draw, factors)


def winograd_case(draw: random.Random, target: Target, outputs: int) -> Case:
    """Return a small convolution of whole numbers by Winograd's method, in several blocks."""
    numbers = np.random.default_rng(draw.randrange(1 << 30))
    groups, channels = draw.choice([1, 1, 2]), target.lanes(4) + draw.choice([0, 1, 3])
    filters = draw.choice([3, target.lanes(4), 2 * target.lanes(4) + 1])
    dilation = draw.choice([(1, 1), (1, 1), (2, 2), (1, 3)])
    size = (draw.randint(2 * dilation[0] + 1, 9), draw.randint(2 * dilation[1] + 1, 19))
    layout = draw.choice(["channels_first", "channels_last"])
    shape = (groups * channels, *size) if layout == "channels_first" else (*size, groups * channels)
    call = conv_spec(
        "conv",
        2,
        numbers.integers(-4, 5, (draw.randint(1, 2), *shape)).astype("float32"),
        numbers.integers(-4, 5, (groups * filters, channels, 3, 3)).astype("float32"),
        numbers.integers(-4, 5, groups * filters).astype("float32"),
        padding=tuple((draw.randint(0, 2), draw.randint(0, 2)) for _ in range(2)),
        dilation=dilation,
        groups=groups,
        padding_mode=draw.choice(["zeros", "reflect", "symmetric", "replicate", "circular"]),
        layout=layout,
    )
    block = (1, outputs * dilation[0] * draw.randint(1, 2), outputs * dilation[1] * draw.randint(1, 3))
    tile = (draw.choice([1, 2, 3]), draw.choice([1, 2]), outputs)
    forced = Choice("winograd", tile, 1e6, 0.5)
    return case_of(call, target, "winograd", block, draw.choice(["none", "relu"]), draw, tiles=[forced])


def dot_case(draw: random.Random, target: Target) -> Case:
    """Return a small convolution of bytes of all sizes by fours, some of them the largest there are."""
    dims, groups = draw.randint(1, 3), draw.choice([1, 1, 2])
    channels, filters = (
        draw.choice([1, 3, 4, 6, 17]),
        draw.choice([1, 5, target.lanes(4), target.lanes(4) + 3]),
    )
    size = tuple(draw.randint(3, 5 if dims > 1 else 20) for _ in range(dims))
    taps = tuple(draw.randint(1, draw.choice([1, 3])) for _ in range(dims))
    layout = draw.choice(["channels_first", "channels_last"])
    numbers = np.random.default_rng(draw.randrange(1 << 30))
    shape = (groups * channels, *size) if layout == "channels_first" else (*size, groups * channels)
    dtype, weight_dtype = draw.choice(["uint8", "int8", "bool"]), draw.choice(["uint8", "int8"])
    call = conv_spec(
        "conv",
        dims,
        some_bytes(numbers, (1, *shape), dtype),
        some_bytes(numbers, (groups * filters, channels, *taps), weight_dtype),
        numbers.integers(-1000, 1000, groups * filters).astype("int16"),
        stride=tuple(draw.randint(1, 2) for _ in range(dims)),
        padding=tuple(draw.randint(0, 2) for _ in range(dims)),
        dilation=tuple(draw.randint(1, 2) if length > 4 else 1 for length in size),
        groups=groups,
        padding_mode=draw.choice(["zeros", 1, "reflect", "circular"]),
        layout=layout,
    )
    blocks = draw.randint(1, 2), draw.randint(1, 4), draw.randint(1, 9)
    forced = Choice("dot", (draw.randint(1, 9), draw.choice([1, 2]), 1), 1e6, 0.5)
    return case_of(call, target, "dot", blocks, "none", draw, tiles=[forced])


def some_bytes(numbers: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """Return bytes of all sizes, or only the smallest and the largest."""
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if numbers.random() < 0.5:
        return numbers.choice([low, high], shape).astype(dtype)
    return numbers.integers(low, high, shape, endpoint=True).astype(dtype)


def case_of(
    call: Call,
    target: Target,
    method: str,
    block: Triple,
    activation: Any,
    draw: random.Random,
    factors: Array | None = None,
    tiles: list[Choice] | None = None,
) -> Case:
    """Return a call as a nest, with a small block so that there are several, and any tile that fits."""
    spec = call.spec
    out = unwritten(call.shape, spec.out_dtype.name)
    inner: Inner = "x" if spec.layout == "channels_first" else "channel"
    orders = [inner] if method == "depthwise" else [inner, inner, "none"]
    reads, writes = draw.choice(orders), draw.choice(orders)
    decision = decide(spec)
    assert decision is not None
    sizes, geometry = (
        sizes_of(spec),
        geometry_of(spec, reads, writes, ACTIVATIONS[activation], decision.arithmetic),
    )
    axes = (Axis(1, 1, 1),) * (3 - spec.dims) + spec.axes
    if factors is not None:
        sizes = replace(sizes, terms=factors.shape[1])
        plan = replace(plan_passes(sizes, geometry, target, 1), block=_inside(block, sizes.output))
        plan = _perhaps_past_the_caches(plan, draw)
        return _made(call, target, plan, sizes, axes, out, factors[None, :, :, None, None])
    tiles = tiles or [one for one in planner.choices(sizes, geometry, target) if one.method == method]
    best = draw.choice(tiles)
    if best.whole and draw.random() < 0.5:
        best = replace(best, whole=False, direct=method == "stencil" and reads_directly(geometry))
    plan = _perhaps_past_the_caches(planner.planned(best, tiles, sizes, geometry, target, 1), draw)
    if not best.whole:
        plan = replace(plan, block=_inside(block, sizes.output))
    if plan.code.is_contraction:
        plan = replace(plan, channels_at_once=draw.randint(1, sizes.for_method(best.method).channels))
    weight = call.second.reshape(spec.groups, spec.out_channels // spec.groups, -1, *geometry.taps)
    return _made(call, target, plan, sizes, axes, out, weight)


def _perhaps_past_the_caches(plan: Plan, draw: random.Random) -> Plan:
    """Return a plan that writes its results past the caches, as those of large images do, or the same one."""
    able = plan.code.method in ("stencil", "separable") and plan.code.writes == "x" and not plan.code.whole
    return replace(plan, code=replace(plan.code, streams=True)) if able and draw.random() < 0.5 else plan


def _inside(block: Triple, output: Triple) -> Triple:
    d, h, w = (min(b, o) for b, o in zip(block, output, strict=True))
    return d, h, w


def _made(
    call: Call, target: Target, plan: Plan, sizes: Sizes, axes: Sequence[Axis], out: Array, source: Array
) -> Case:
    """Return a planned call as a case; ``source`` is what the packing reads."""
    image, result, spec = call.first, call.canonical(out), call.spec
    nests = lower(plan.code, target)
    # An execution asks its machine code for nothing else here.
    no_code: Any = SimpleNamespace(routine=nests.routine, packing=nests.packing)
    execution = Execution(sizes, plan, no_code, target, axes, float(spec.fill.real))
    return Case(call, target, plan, nests, execution, *_arrays(call, execution, image, result, source), out)


def _arrays(
    call: Call, execution: Execution, image: Array, out: Array, source: Array
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the arrays of the packing and of the convolution."""
    sizes, code = execution.sizes, execution.plan.code
    groups, dtype = sizes.groups, execution.dtype
    weights = unwritten(execution.packed_shape, dtype.name)
    shape = weights.shape
    if execution.machine.packing.buffer("source").contiguous and code.method != "winograd":
        shape = (*shape[:2], -1, shape[-1])
    packed = {
        "source": execution.source(source),
        "weights": weights.reshape(shape),
        "checks": unwritten((groups, execution.panels, execution.check_lanes), dtype.name),
    }
    bias = np.zeros((groups, execution.panels * execution.width), dtype)
    if call.bias is not None:
        bias[:, : sizes.filters] = call.bias.reshape(groups, -1)
    bias_buffer = execution.machine.routine.buffer("bias")
    sizes_of_bias = {"G": groups, "KP": execution.panels}
    arrays = {
        "input": six_dimensional(image, groups, code.reads),
        "output": six_dimensional(out, groups, code.writes),
        "border": execution.border,
        "weights": weights,
        "bias": bias.reshape([extent.value(sizes_of_bias) for extent in bias_buffer.extents]),
        **dict(zip(("z_map", "y_map", "x_map"), execution.tables, strict=True)),
    }
    if code.method == "winograd":
        arrays["alarm"] = np.zeros(1, dtype)
    if code.moves_cells:
        packed["offsets"] = arrays["offsets"] = unwritten(
            (groups, execution.panels, execution.width), dtype.name
        )
    return packed, arrays


def six_dimensional(array: Array, groups: int, order: str) -> Array:
    """Return a view of (batch, channels, *spatial) as a nest sees it."""
    batch, channels, *size = array.shape
    view = np.lib.stride_tricks.as_strided(
        array,
        (batch, groups, channels // groups, *(1,) * (3 - len(size)), *size),
        (
            array.strides[0],
            array.strides[1] * (channels // groups),
            array.strides[1],
            *(0,) * (3 - len(size)),
            *array.strides[2:],
        ),
    )
    return np.moveaxis(view, 2, -1) if order == "channel" else view


def line(name: str = "line", length: Affine | int = 8, role: Any = "output", **more: Any) -> Buffer:
    """Return a one-dimensional buffer."""
    return Buffer(name, "float32", (Affine.of(length),), role, **more)
