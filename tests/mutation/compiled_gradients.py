"""The part of the slice that computes gradients and transposed convolutions; see `compiled_slice`."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

Sizes = tuple[int, ...]
Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Way:
    """How a routine is forced to work: its tile, and what one item does."""

    method: str
    tile: Triple
    block: Triple = (2, 3, 11)
    channels: int = 2
    panels: int = 1
    parts: int = 1


@dataclass(frozen=True)
class Spec:
    """One gradient."""

    way: Way
    image: Sizes
    weight: Sizes
    options: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    form: str = "plain"
    special: float | None = None


CHANNELS = Way("gradient_contract", (4, 2, 1))
PIXELS = Way("gradient_stencil", (4, 2, 1))
LAST = {"layout": "channels_last"}


def specs() -> Iterator[Spec]:
    """Yield the specs."""
    yield Spec(CHANNELS, (3, 5, 9, 22), (19, 5, 3, 3), {"padding": ((1, 2), (3, 1))})
    yield Spec(PIXELS, (3, 3, 9, 26), (3, 3, 3, 3), {"padding": ((2, 1), (1, 3))})
    for way in (CHANNELS, PIXELS):
        each = 19 if way is CHANNELS else 3
        many = replace(way, channels=9, panels=9)
        steps = {"stride": (2, 3), "dilation": (1, 2), "padding": 2, "flip": True}
        yield Spec(way, (2, 3, 11, 31), (each, 3, 2, 3), steps)
        deep = {"padding": ((1, 0), (1, 2), (0, 1)), "dilation": (2, 1, 1), "padding_mode": "circular"}
        yield Spec(replace(way, parts=2), (2, 2, 5, 4, 15), (each, 2, 2, 2, 3), {**deep, "stride": (1, 2, 1)})
        yield Spec(replace(way, parts=3), (1, 2, 14, 20), (2 * each, 1, 3, 2), {"groups": 2})
        yield Spec(many, (2, 5, 9, 21), (each, 5, 3, 3), {"padding": 1, "padding_mode": 3}, "float64")
        last = {**LAST, "padding": 1, "padding_mode": "reflect"}
        yield Spec(many, (2, 9, 21, 10), (each, 10, 3, 3), last)
        yield Spec(many, (2, 9, 21, 3), (each, 3, 1, 1), {**LAST, "stride": 2})
        yield Spec(many, (2, 3, 6, 40), (each, 3, 1, 1), form="apart")
        yield Spec(way, (1, 2, 40), (each, 2, 5), {"padding": 2}, special=np.inf)
    yield Spec(replace(CHANNELS, block=(1, 1, 3)), (1, 2, 5), (3, 2, 2))
    yield Spec(replace(PIXELS, tile=(2, 1, 1)), (2, 2, 3, 5), (2, 1, 2, 3), {"groups": 2})


def transposed() -> Iterator[Spec]:
    """Yield transposed convolutions whose residues of a row are computed together; their way is the usual."""
    yield Spec(CHANNELS, (2, 5, 6, 13), (5, 19, 2, 2), {"stride": 2})
    yield Spec(CHANNELS, (2, 5, 6, 13), (5, 19, 4, 4), {"stride": 2, "padding": 1})
    yield Spec(CHANNELS, (1, 3, 40), (3, 17, 4), {"stride": 4}, "float64")
    yield Spec(CHANNELS, (1, 3, 40), (3, 9, 8), {"stride": 4, "padding": 2, "dilation": 1})
    yield Spec(CHANNELS, (2, 5, 9, 6), (6, 19, 4, 4), {**LAST, "stride": 2, "padding": 1})
    yield Spec(CHANNELS, (1, 4, 3, 3), (4, 3, 3, 6), {"stride": 3, "groups": 2}, form="apart")
    yield Spec(CHANNELS, (1, 140, 5, 9), (140, 40, 6, 6), {"stride": 2, "padding": 2})


@dataclass
class Case:
    """A spec with its numbers and the reference's result."""

    spec: Spec
    image: Any
    gradient: Any
    expected: Any


def prepared() -> list[Case]:
    """Return all cases with their numbers, computed by the reference."""
    numbers = np.random.default_rng(22)
    return [_case(spec, numbers) for spec in (*specs(), *transposed())]


def _case(spec: Spec, numbers: Any) -> Case:
    from convolve.arguments import conv_spec
    from tests.mutation.compiled_slice import _fenced

    def whole(shape: Sizes) -> Any:
        if spec.form == "apart":
            room = np.full((*shape[:-1], 2 * shape[-1]), np.nan, spec.dtype)
            room[..., ::2] = numbers.integers(-4, 5, shape)
            return room[..., ::2]
        return _fenced(numbers.integers(-4, 5, shape).astype(spec.dtype))

    image, dims = whole(spec.image), len(spec.image) - 2
    weight = np.broadcast_to(np.zeros((), spec.dtype), spec.weight)
    if spec in transposed():
        case = Case(spec, image, whole(spec.weight), None)
        case.expected = _call(case, algorithm="reference")
        return case
    gradient = whole(conv_spec("conv", dims, image, weight, **spec.options).shape)
    if spec.special is not None:
        gradient.flat[-1] = spec.special
    case = Case(spec, image, gradient, None)
    case.expected = _call(case, algorithm="reference")
    return case


def _call(case: Case, **more: Any) -> Any:
    import convolve  # anew in every process: a bug may have been planted

    dims = len(case.spec.image) - 2
    if case.spec in transposed():
        bias = np.arange(case.spec.weight[1] * case.spec.options.get("groups", 1)).astype(case.spec.dtype)
        return getattr(convolve, f"conv_transpose{dims}d")(
            case.image, case.gradient, bias, **case.spec.options, **more
        )
    function = getattr(convolve, f"conv{dims}d_weight_grad")
    with np.errstate(invalid="ignore"):
        return function(case.image, case.spec.weight, case.gradient, **case.spec.options, **more)


def check(cases: list[Case]) -> None:
    """Compare every case, on one thread and on two, with the reference's result."""
    from convolve.runtime import engine, threads, transposed, weight_gradient

    usual = weight_gradient.plan_of
    transposed._cycles = len  # all residues together wherever that is possible
    engine.execution.cache_clear()
    for case in cases:
        weight_gradient.plan_of = lambda asked, target, case=case: _forced(
            usual, case.spec.way, asked, target
        )
        weight_gradient.execution.cache_clear()
        threads._own_scratch.size = 0  # the next one is full of NaN again
        for number in (1, 2):
            threads.set_num_threads(number)
            threads._own_scratch.size = 0
            result = _call(case)
            assert result.dtype == case.expected.dtype, case.spec
            assert np.array_equal(result, case.expected, equal_nan=True), case.spec
    weight_gradient.plan_of = usual


def _forced(usual: Any, way: Way, asked: Any, target: Any) -> Any:
    """Return the plan with another tile and other blocks."""
    plan = usual(asked, target)
    sizes = asked.sizes
    block = tuple(max(1, min(b, o)) for b, o in zip(way.block, sizes.output, strict=True))
    code = asked.geometry.code(way.method, way.tile)
    channels = min(way.channels, sizes.channels)
    return replace(
        plan, code=code, block=block, channels_at_once=channels, panels_at_once=way.panels, parts=way.parts
    )
