"""What no single routine computes is computed in parts, without the reference, and the plan says so."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import convolve
from convolve import reference
from convolve.api import dispatch, parts
from convolve.arguments import Call
from convolve.axis import Axis
from convolve.compiler.cutting import cut_axis
from convolve.runtime import engine

Array = np.ndarray[Any, Any]
F4 = np.float32


@pytest.fixture(autouse=True)
def no_reference(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let nothing fall back to the reference unseen, nor routines of shrunken limits stay."""

    def run(call: Call) -> Array:
        raise AssertionError(f"the reference was taken for {call.spec}")

    monkeypatch.setattr(dispatch.reference, "run", run)
    yield
    dispatch._recipes.clear()


def same(name: str, *arguments: Any, exact: bool = True, **options: Any) -> None:
    """Compare a public function with the reference."""
    found = getattr(convolve, name)(*arguments, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dispatch.reference, "run", REFERENCE)
        wanted = getattr(convolve, name)(*arguments, algorithm="reference", **options)
    assert found.dtype == wanted.dtype
    error = 0 if exact else 1e-5
    np.testing.assert_allclose(found, wanted, error, error, err_msg=f"{name} {options}")


REFERENCE = reference.run


def whole(numbers: np.random.Generator, *shape: int, dtype: Any = F4) -> Array:
    return numbers.integers(-4, 5, shape).astype(dtype)


@pytest.fixture
def numbers(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


# -- sums of nothing -----------------------------------------------------------------------------------


def test_sums_of_nothing_are_the_bias() -> None:
    nothing, bias = np.zeros((2, 0, 5, 5), F4), np.array([1, -2, 3], F4)
    found = convolve.conv2d(nothing, np.zeros((3, 0, 3, 3), F4), bias)
    assert np.array_equal(found, np.broadcast_to(bias[:, None, None], (2, 3, 3, 3)))
    assert not convolve.conv2d(nothing, np.zeros((3, 0, 3, 3), F4), nan="ignore").any()
    assert convolve.conv2d(np.zeros((0, 1, 5, 5), F4), np.ones((3, 1, 3, 3), F4)).shape == (0, 3, 3, 3)
    assert not convolve.conv2d_weight_grad(
        np.zeros((0, 1, 5, 5), F4), (2, 1, 3, 3), np.zeros((0, 2, 3, 3), F4)
    ).any()
    planned = convolve.plan((2, 0, 5, 5), (3, 0, 3, 3))
    assert planned.why_not is None
    assert planned.conversions == ("there is nothing to sum up: every result is the bias",)
    assert "nothing to sum up" in str(planned)


# -- byte order ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["zeros", "reflect", 2.5])
def test_the_other_byte_order_in_strips(
    mode: Any, numbers: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "STRIP_CELLS", 40)
    image, weight, bias = (
        whole(numbers, *shape).astype(">f4") for shape in ((2, 2, 9, 8), (3, 2, 3, 3), (3,))
    )
    same("conv2d", image, weight, bias, stride=2, padding=(1, 2), padding_mode=mode)
    out = np.zeros((2, 3, 7, 6), ">f4")
    assert convolve.conv2d(image, weight, out=out) is out
    assert np.array_equal(out, convolve.conv2d(image.astype(F4), weight.astype(F4)))
    same("conv_transpose2d", whole(numbers, 2, 3, 5, 5).astype(">f4"), weight, stride=2)
    same("conv2d_weight_grad", image, (4, 2, 3, 3), whole(numbers, 2, 4, 7, 6).astype(">f4"))


def test_the_plan_reports_the_byte_order() -> None:
    planned = convolve.plan((2, 2, 9, 8), (3, 2, 3, 3), dtype=">f4")
    assert planned.conversions == ("the input's byte order is turned round, a strip at a time",)
    assert "also     the input's byte order" in str(planned)
    shapes = (2, 2, 9, 8), (2, 2, 3, 3)
    for operation, words in (
        ("conv_transpose", "an image at a time"),
        ("input_grad", "an image at a time"),
        ("weight_grad", "all of it at once"),
    ):
        planned = convolve.plan(*shapes, operation=operation, dtype=">f4")
        assert planned.conversions == (f"the input's byte order is turned round, {words}",)
    assert convolve.plan((2, 2, 9, 8), (3, 2, 3, 3)).conversions == ()


def test_out_may_be_the_input(numbers: np.random.Generator) -> None:
    image, weight = whole(numbers, 1, 1, 12, 12), whole(numbers, 1, 1, 3, 3)
    wanted = convolve.conv2d(image, weight, padding=1)
    bound = convolve.plan(image.shape, weight.shape, padding=1).bind(weight)
    for call in (
        lambda one: convolve.conv2d(one, weight, padding=1, out=one),
        lambda one: bound(one, out=one),
    ):
        held = image.copy()
        assert call(held) is held
        assert np.array_equal(held, wanted)


# -- numbers that are none -----------------------------------------------------------------------------


def peppered(numbers: np.random.Generator, array: Array, *values: float) -> Array:
    """Return an array some of whose numbers are others."""
    for value in values:
        array[numbers.random(array.shape) < 0.08] = value
    return array


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("special", [(), (np.nan,), (np.inf, -np.inf, np.nan)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_zero_padding_adds_nothing_under_infinite_weights(
    dtype: str, special: tuple[float, ...], stride: int, numbers: np.random.Generator
) -> None:
    weight = peppered(numbers, whole(numbers, 3, 2, 3, 3, dtype=dtype), np.inf, -np.inf, np.nan)
    image = peppered(numbers, whole(numbers, 2, 2, 7, 8, dtype=dtype), *special)
    bias = whole(numbers, 3, dtype=dtype)
    for padding in (1, ((2, 0), (0, 1))):
        same("conv2d", image, weight, bias, stride=stride, padding=padding)
        gradient = peppered(numbers, whole(numbers, 2, 3, 5, 5, dtype=dtype), *special)
        same("conv_transpose2d", gradient, weight, stride=stride, padding=1)


def test_gradients_of_numbers_that_are_none(numbers: np.random.Generator) -> None:
    image = peppered(numbers, whole(numbers, 2, 2, 7, 8), np.inf, np.nan)
    gradient = peppered(numbers, whole(numbers, 2, 3, 7, 8), -np.inf)
    same("conv2d_weight_grad", image, (3, 2, 3, 3), gradient, padding=1)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "circular", 2.5])
@pytest.mark.parametrize("cells", [40, 1 << 20])
def test_nan_is_left_out(
    mode: Any, cells: int, numbers: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "STRIP_CELLS", cells)
    image, weight = peppered(numbers, whole(numbers, 2, 2, 9, 8), np.nan), whole(numbers, 3, 2, 3, 3)
    image[1, :, :4, :4] = np.nan  # whole windows of them
    for bias in (None, whole(numbers, 3)):
        for stride in (1, 2):
            options = {"stride": stride, "padding": 1, "padding_mode": mode, "nan": "ignore"}
            same("conv2d", image, weight, bias, exact=False, **options)
    if mode != 2.5:
        options = {"stride": 2, "padding": 1, "padding_mode": mode, "nan": "ignore"}
        same("conv_transpose2d", image, whole(numbers, 2, 3, 3, 3), exact=False, **options)


def test_windows_without_nan_keep_their_bits(numbers: np.random.Generator) -> None:
    image, weight = (
        numbers.standard_normal((1, 3, 40, 40)).astype(F4),
        numbers.standard_normal((4, 3, 3, 3)).astype(F4),
    )
    bias = numbers.standard_normal(4).astype(F4)
    image[0, 1, 5, 30] = np.nan
    plain = convolve.conv2d(image, weight, bias, padding=1)
    found = convolve.conv2d(image, weight, bias, padding=1, nan="ignore")
    assert np.isnan(plain).sum() == 4 * 9
    assert np.isfinite(found).all()
    assert np.array_equal(found[np.isfinite(plain)], plain[np.isfinite(plain)])
    assert convolve.plan(image.shape, weight.shape, nan="ignore").conversions == (
        "if there is a NaN, strips with NaN are computed once more without, by the direct sum",
    )


@pytest.mark.parametrize("kernel", ["gaussian:2", "box:9"])
def test_windows_without_nan_keep_the_bits_of_factors(kernel: str, numbers: np.random.Generator) -> None:
    image = numbers.standard_normal((60, 50)).astype(F4)
    whole = convolve.apply(image, kernel)
    image[5, 30] = np.nan
    plain, found = convolve.apply(image, kernel), convolve.apply(image, kernel, nan="ignore")
    assert np.isnan(plain).any() and np.isfinite(found).all()
    assert np.array_equal(found[np.isfinite(plain)], whole[np.isfinite(plain)])


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("taps", [1, 3])
@pytest.mark.parametrize("channels", [1, 20])
def test_a_nan_touches_the_windows_that_hold_it(
    channels: int, taps: int, dtype: str, numbers: np.random.Generator
) -> None:
    """Contract and stencil, gradients included: footprints are exact."""
    image = numbers.standard_normal((1, channels, 12, 30)).astype(dtype)
    weight = numbers.standard_normal((channels, channels, taps, taps)).astype(dtype)
    touched = np.zeros((1, 1, 12, 30), dtype)
    touched[0, 0, 4, 17] = 1
    for value in (np.nan, np.inf):
        image[0, channels // 2, 4, 17] = value
        found = convolve.conv2d(image, weight, padding="same")
        window = convolve.conv2d(touched, np.ones((1, 1, taps, taps), dtype), padding="same") > 0
        assert np.array_equal(~np.isfinite(found), np.broadcast_to(window, found.shape))
        found = convolve.conv_transpose2d(image, weight, padding=taps // 2)
        assert np.array_equal(~np.isfinite(found), np.broadcast_to(window, found.shape))


# -- too long for one routine --------------------------------------------------------------------------


def test_long_lines_and_wide_windows_are_cut(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With limits so low that small convolutions exceed them: every operation, boundary and option."""
    draw, numbers = random.Random(f"{seed} cut"), np.random.default_rng(seed)
    monkeypatch.setattr(engine, "LONGEST_LINE", 64)
    monkeypatch.setattr(engine, "LARGEST_SCRATCH", 64 * 800)
    monkeypatch.setattr(engine, "MOST_TAPS", 20)
    cut = 0
    while cut < 6:
        dims, groups = draw.choice((1, 2)), draw.choice((1, 2))
        size, taps = ([draw.randint(low, most) for _ in range(dims)] for low, most in ((20, 70), (1, 6)))
        options = {
            "stride": [draw.randint(1, 3) for _ in size],
            "dilation": [draw.choice((1, 1, 3)) for _ in size],
            "padding": [(draw.randint(0, 9), draw.randint(0, 9)) for _ in size],
            "padding_mode": draw.choice(("zeros", "reflect", "circular", 3)),
            "groups": groups,
            "flip": draw.random() < 0.5,
        }
        image = whole(numbers, 2, 2 * groups, *size)
        weight = whole(numbers, 3 * groups, 2, *taps)
        if any(d * (k - 1) >= n for d, k, n in zip(options["dilation"], taps, size, strict=True)):
            continue
        cut += bool(convolve.plan(image.shape, weight.shape, **options).conversions)
        name = f"conv{dims}d"
        same(name, image, weight, whole(numbers, 3 * groups), **options)
        gradient = getattr(convolve, name)(image, weight, **options)
        same(f"{name}_weight_grad", image, weight.shape, gradient, **options)
        if options["padding_mode"] != 3:
            same(f"{name}_input_grad", image.shape, weight, gradient, **options)


def test_a_filter_that_spans_millions_of_cells() -> None:
    """Three taps two million cells apart; one routine would need a table and a scratch as long."""
    line = np.zeros((1, 1, 9_000_000), F4)
    line[0, 0, ::1_000_000] = np.arange(1, 10)
    weight = np.array([[[1, 10, 100]]], F4)
    found = convolve.conv1d(line, weight, dilation=2_000_000)
    assert found[0, 0, ::1_000_000].tolist() == [531, 642, 753, 864, 975]
    planned = convolve.plan(line.shape, weight.shape, dilation=2_000_000)
    assert planned.conversions == (
        "cut into parts, because of a padded line of more than 4194304 cells; the plan is that of the first",
    )
    assert planned.plan.code.dilation == (1, 1, 1)


def test_parts_of_a_line() -> None:
    axis = Axis(size=10, outputs=10, taps=3, before=1, after=1, boundary="reflect")
    part = cut_axis(axis, range(4), range(3), bare=False)
    assert np.array_equal(part.source, [1, 0, 1, 2, 3, 4])
    assert part.axis == Axis(6, 4, 3)
    part = cut_axis(axis, range(4, 8), range(1, 3), bare=False)
    assert (part.source, part.taps, part.place) == (slice(4, 9, 1), slice(1, 3), slice(4, 8, 1))
