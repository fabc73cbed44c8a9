"""What must hold of every convolution, exactly on integers: no peer and no oracle is needed for these."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convolve
from convolve.arguments import conv_spec
from convolve.axis import OUTSIDE, Axis, AxisReads
from tests.specs import Case, draw_case

MODES = ("zeros", "reflect", "symmetric", "replicate", "circular")
SEEDS = st.integers(0, 2**32)
FEWER = settings().max_examples // 6
"""Examples of what compiles a routine for each of several parts: a hundred take a minute (2026-11-27)."""


def forward_case(seed: int) -> Case:
    """Return a random forward convolution on small integers, without bias."""
    draw = random.Random(seed)
    while True:
        case = draw_case(draw, ("int32",), 9)
        if case.operation == "conv":
            case.bias = None
            return case


def with_input(case: Case, image: np.ndarray) -> np.ndarray:
    """Call a case with another image."""
    kept, case.first = case.first, image
    result = case.call()
    case.first = kept
    return result


@given(SEEDS)
def test_linear_where_the_border_is_not_a_number(seed: int) -> None:
    case = forward_case(seed)
    case.options["padding_mode"] = (
        "zeros" if isinstance(case.fill, int) and case.fill else case.options["padding_mode"]
    )
    other = np.random.default_rng(seed).integers(-9, 9, case.first.shape, dtype=np.int32)
    both = with_input(case, 3 * case.first - 2 * other)
    assert np.array_equal(both, 3 * case.call() - 2 * with_input(case, other))


@given(SEEDS)
def test_flipping_is_turning_the_filter(seed: int) -> None:
    case = forward_case(seed)
    result = case.call()
    case.second = np.flip(case.second, axis=tuple(range(2, case.second.ndim)))
    case.options["flip"] = not case.options["flip"]
    assert np.array_equal(case.call(), result)


@given(SEEDS, st.integers(-5, 5))
def test_shifting_a_circle_shifts_the_result(seed: int, shift: int) -> None:
    draw = np.random.default_rng(seed)
    image, kernel = draw.integers(-9, 9, (7, 8)), draw.integers(-9, 9, (3, 2))
    options = {"padding": "same", "padding_mode": "circular"}
    moved = convolve.conv2d(np.roll(image, shift, axis=1), kernel, **options)
    assert np.array_equal(moved, np.roll(convolve.conv2d(image, kernel, **options), shift, axis=1))


@given(SEEDS, st.sampled_from(MODES), st.sampled_from((1, 2, 3)))
@settings(max_examples=FEWER)
def test_transposed_and_gradients_are_adjoint(seed: int, mode: str, dims: int) -> None:
    draw = random.Random(seed)
    numbers = np.random.default_rng(seed)
    size = [draw.randint(1, 5) for _ in range(dims)]
    taps = [draw.randint(1, 3) for _ in range(dims)]
    options = {
        "stride": tuple(draw.randint(1, 3) for _ in range(dims)),
        "dilation": tuple(draw.randint(1, 2) for _ in range(dims)),
        "padding": tuple((draw.randint(2, 7), draw.randint(2, 7)) for _ in range(dims)),
        "groups": 2, "padding_mode": mode, "flip": draw.random() < 0.5,
    }  # fmt: skip
    image = numbers.integers(-9, 9, (2, 4, *size))
    weight = numbers.integers(-9, 9, (6, 2, *taps))
    result = getattr(convolve, f"conv{dims}d")(image, weight, **options)
    gradient = numbers.integers(-9, 9, result.shape)
    inner = int((result * gradient).sum())
    back = getattr(convolve, f"conv{dims}d_input_grad")(image.shape, weight, gradient, **options)
    slope = getattr(convolve, f"conv{dims}d_weight_grad")(image, weight.shape, gradient, **options)
    assert inner == int((back * image).sum()) == int((slope * weight).sum())


@given(SEEDS, st.sampled_from(MODES))
def test_transposed_convolution_is_the_adjoint(seed: int, mode: str) -> None:
    numbers = np.random.default_rng(seed)
    weight = numbers.integers(-9, 9, (2, 3, 3, 2))
    small = numbers.integers(-9, 9, (1, 2, 4, 3))
    options = {"stride": 2, "padding": ((1, 2), (0, 1)), "padding_mode": mode}
    large = convolve.conv_transpose2d(small, weight, output_padding=1, **options)
    image = numbers.integers(-9, 9, large.shape)
    result = convolve.conv2d(image, weight, **options)
    assert result.shape == small.shape
    assert int((result * small).sum()) == int((large * image).sum())


def fetched(image: np.ndarray, axes: tuple[AxisReads, ...], fill: int) -> np.ndarray:
    """Return the cells that a region reads, from slices of the image alone: one per run."""
    for d, axis in enumerate(axes):
        parts = []
        for run in axis.runs():
            cells = run.cells()
            if run.start == OUTSIDE:
                shape = list(image.shape)
                shape[d] = run.count
                parts.append(np.full(shape, fill, image.dtype))
                continue
            low, high = int(cells.min()), int(cells.max())
            part = image[(slice(None),) * d + (slice(low, high + 1),)]
            part = np.flip(part, d) if run.step < 0 else part
            parts.append(np.repeat(part, run.count, axis=d) if run.step == 0 else part)
        image = np.concatenate(parts, axis=d)
    return image


@given(SEEDS, st.sampled_from((*MODES, 5)))
@settings(max_examples=FEWER)
def test_regions_are_stitched_from_what_they_read(seed: int, mode: str | int) -> None:
    draw, numbers = random.Random(seed), np.random.default_rng(seed)
    size = [draw.randint(1, 9) for _ in range(2)]
    image, kernel = (
        numbers.integers(-9, 9, size),
        numbers.integers(-9, 9, (draw.randint(1, 3), draw.randint(1, 4))),
    )
    options = {"stride": draw.randint(1, 3), "dilation": draw.randint(1, 2), "padding_mode": mode}
    pads = tuple((draw.randint(6, 11), draw.randint(6, 11)) for _ in range(2))
    whole = convolve.conv2d(image, kernel, padding=pads, **options)
    spec = conv_spec("conv", 2, image, kernel, padding=pads, **options).spec
    cuts = [sorted({0, n, *(draw.randint(0, n) for _ in range(2))}) for n in whole.shape]
    stitched = np.zeros_like(whole)
    for top, bottom in zip(cuts[0], cuts[0][1:], strict=False):
        for left, right in zip(cuts[1], cuts[1][1:], strict=False):
            reads = spec.reads([(top, bottom), slice(left, right)])
            patch = fetched(image, reads.axes, mode if isinstance(mode, int) else 0)
            piece = convolve.conv2d(patch, kernel, stride=options["stride"], dilation=options["dilation"])
            stitched[top:bottom, left:right] = piece
    assert np.array_equal(stitched, whole)


@given(SEEDS)
def test_feeds_is_the_inverse_of_reads(seed: int) -> None:
    case = forward_case(seed)
    weight = case.second if case.form != "bare" else case.second[0, 0]
    call = conv_spec("conv", case.dims, case.outer(case.first), weight, **case.options)
    for axis in call.spec.axes:
        source = axis.source()
        for cell in range(axis.size):
            fed = axis.feeds(cell, cell + 1).tolist()
            assert fed == [output for output in range(axis.outputs) if cell in source[output]]
            assert axis.coverage()[cell] == int((source == cell).sum())
        for output in range(axis.outputs):
            reads = axis.reads(output, output + 1)
            inside = {cell for cell in source[output].tolist() if cell != OUTSIDE}
            assert inside <= set(reads.cells.tolist())
            assert all(reads.hull.start <= cell < reads.hull.stop for cell in inside)


@pytest.mark.parametrize("mode", [*MODES, 2])
def test_interior_reads_no_border(mode: str | int) -> None:
    spec = conv_spec("conv", 2, np.zeros((9, 9)), np.zeros((3, 3)), padding=1, padding_mode=mode).spec
    inner = spec.reads([(1, 8), (3, 5)])
    assert inner.slices == (slice(0, 9), slice(2, 6))
    assert inner.border == ((0, 0), (0, 0))
    assert spec.reads([(0, 1), (8, 9)]).border == ((1, 0), (0, 1))


def test_what_a_long_line_feeds_is_found_without_listing_it() -> None:
    axis = Axis(size=2**33, outputs=2**33, taps=3, before=1, after=1, boundary="reflect")
    assert axis.feeds(2**32, 2**32 + 1).tolist() == [2**32 - 1, 2**32, 2**32 + 1]
    assert axis.feeds(0, 1).tolist() == [0, 1]
    assert axis.feeds(2**33 - 2, 2**33 - 1).tolist() == [2**33 - 3, 2**33 - 2, 2**33 - 1]
    assert axis.border_outputs().tolist() == [0, 2**33 - 1]
