"""Plans of transposed convolutions and of gradients: bound, repeated, printed, equal to plain calls."""

import pickle
import random
from typing import Any

import numpy as np
import pytest

import convolve
from convolve import reference
from convolve.runtime import engine
from tests import seeds
from tests.engine.test_transposed import draw_call


@pytest.mark.parametrize("part", range(2))
def test_bound_transposed_convolutions_are_exact(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(f"{seeds.seed()} bound transposed {part}")
    for _ in range(16):
        dims, (image, weight, bias), options = draw_call(draw)
        expected = getattr(convolve, f"conv_transpose{dims}d")(
            image, weight, bias, **options, algorithm="reference"
        )
        image, weight = (np.asarray(one, expected.dtype) for one in (image, weight))
        planned = convolve.plan(
            image.shape, weight.shape, operation="conv_transpose", dtype=image.dtype, bias=bias is not None,
            **options,
        )  # fmt: skip
        assert (planned.plan.flops > 0) == (planned.plan.cycles > 0)
        with monkeypatch.context() as patch:
            patch.setattr(reference, "run", None)  # nothing may fall back to it
            bound = planned.bind(weight, bias)
            out = np.full_like(expected, np.nan)
            for result in (bound(image), bound(image), bound(image, out=out), bound(image, out=out)):
                assert np.array_equal(result, expected), options
            again = pickle.loads(pickle.dumps(bound))
        assert np.array_equal(again(image), expected)


@pytest.mark.parametrize("mode", ["zeros", "reflect"])
@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_activations_come_after_everything_was_added_up(mode: str, activation: Any) -> None:
    draw = np.random.default_rng(seeds.seed())
    weight, bias = draw.integers(-4, 5, (3, 4, 2, 2)).astype("f"), draw.integers(-4, 5, 4).astype("f")
    for stride in (1, 2, 3):
        options = {"stride": stride, "padding": 1, "padding_mode": mode}
        planned = convolve.plan(
            (2, 3, 6, 7),
            weight.shape,
            operation="conv_transpose",
            bias=True,
            activation=activation,
            **options,
        )
        bound = planned.bind(weight, bias)
        for size in ((6, 7), (5, 9), (6, 7)):
            image = draw.integers(-4, 5, (2, 3, *size)).astype("f")
            expected = convolve.conv_transpose2d(image, weight, bias, **options, algorithm="reference")
            assert np.array_equal(bound(image), np.clip(expected, 0, 6 if activation == "relu6" else None))


def test_infinite_weights_are_bound_too() -> None:
    weight = np.full((2, 3, 3, 3), np.inf, "f")
    bound = convolve.plan((1, 2, 5, 6), weight.shape, operation="conv_transpose", stride=2, padding=1).bind(
        weight
    )
    image = np.ones((1, 2, 5, 6), "f")
    expected = convolve.conv_transpose2d(image, weight, stride=2, padding=1, algorithm="reference")
    for _ in range(2):
        assert np.array_equal(bound(image), expected, equal_nan=True)


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
@pytest.mark.parametrize("padding", ["same", "same_lower", ((2, 0), (1, 3))])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_planned_gradients_are_those_of_plain_calls(layout: Any, padding: Any, stride: int) -> None:
    draw = np.random.default_rng(seeds.seed())
    options = {"stride": stride, "padding": padding, "layout": layout, "padding_mode": "replicate"}
    shape = (2, 3, 9, 8) if layout == "channels_first" else (2, 9, 8, 3)
    x, w = draw.integers(-4, 5, shape).astype("f"), draw.integers(-4, 5, (4, 3, 3, 2)).astype("f")
    forward = convolve.conv2d(x, w, **options)
    g = draw.integers(-4, 5, forward.shape).astype("f")
    by_input = convolve.plan(shape, w.shape, operation="input_grad", **options)
    by_weight = convolve.plan(shape, w.shape, operation="weight_grad", **options)
    expected = convolve.conv2d_input_grad(shape, w, g, **options, algorithm="reference")
    bound = by_input.bind(w)
    out = np.empty_like(expected)
    for result in (by_input(g, w), bound(g), bound(g), bound(g, out=out)):
        assert np.array_equal(result, expected)
    expected = convolve.conv2d_weight_grad(x, w.shape, g, **options, algorithm="reference")
    assert np.array_equal(by_weight(x, g), expected)
    assert np.array_equal(by_weight(x, g, out=np.empty_like(expected)), expected)


def test_repeated_calls_do_not_parse_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from convolve.api import dispatch

    draw = np.random.default_rng(seeds.seed())
    x, w = draw.integers(-4, 5, (1, 3, 9, 8)).astype("f"), draw.integers(-4, 5, (4, 3, 3, 2)).astype("f")
    g = convolve.conv2d(x, w, stride=2)
    calls: list[Any] = [
        lambda: convolve.conv_transpose2d(g, w, stride=2),
        lambda: convolve.conv2d_input_grad(x.shape, w, g, stride=2),
        lambda: convolve.conv2d_weight_grad(x, w.shape, g, stride=2),
    ]
    expected = [call() for call in calls]
    for name in ("conv_spec", "input_grad_spec", "weight_grad_spec"):
        monkeypatch.setattr(dispatch, name, None)
    w *= 2
    for call, before in zip(calls[:2], expected, strict=False):
        assert np.array_equal(call(), before * 2)
    assert np.array_equal(calls[2](), expected[2])


def test_plans_are_printed() -> None:
    planned = convolve.plan((1, 8, 9, 9), (8, 4, 3, 3), operation="conv_transpose", stride=2)
    assert str(planned).startswith(
        "phases   4 plain convolutions, one after the other\n\n1 × 1 × 2 × 2 taps\n"
    )
    assert "define void" in planned.routine.ir
    text = str(convolve.plan((4, 8, 30, 30), (16, 8, 3, 3), operation="weight_grad"))
    assert text.startswith("method   gradient contract")
    assert "weights × vectors × 1" in text
    one = convolve.plan((1, 1, 900, 900), (1, 1, 3, 3), operation="weight_grad")
    assert "16 parts" in str(one)
    assert "gradient" in one.routine.nest
    assert one.expected > 0


def test_a_result_that_no_tap_reaches_is_the_bias() -> None:
    weight, bias = np.ones((1, 2, 3), "f"), np.array([3, 4], "f")
    options = {"stride": 3, "padding": ((3, 0),), "dilation": 1, "output_padding": 2}
    planned = convolve.plan((1, 1, 1), weight.shape, operation="conv_transpose", bias=True, **options)
    assert "no tap reaches the result" in str(planned)
    with pytest.raises(convolve.errors.ArgumentError, match="no routine"):
        planned.routine  # noqa: B018
    result = planned.bind(weight, bias)(np.ones((1, 1, 1), "f"))
    assert result.tolist() == [[[3, 3], [4, 4]]]


# -- what is told beside the plan -----------------------------------------------------------------------

OPERATIONS = ("conv", "conv_transpose", "weight_grad")
IMAGE, WEIGHT = (1, 4, 9, 8), (4, 4, 3, 3)


def told(operation: str, words: str, **options: Any) -> bool:
    """Return whether a plan of these options tells of something."""
    planned = convolve.plan(IMAGE, WEIGHT, operation=operation, **options)
    assert all(f"also     {text}" in str(planned) for text in planned.conversions)
    return any(words in text for text in planned.conversions)


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
@pytest.mark.parametrize(
    "kinds", [("complex64", "complex64"), ("complex64", "float32"), ("uint8", "complex128")]
)
def test_the_plan_of_complex_numbers_is_all_that_runs(
    kinds: tuple[str, str], layout: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Any] = []
    prepare = engine.prepare

    def spy(*arguments: Any, **named: Any) -> Any:
        prepared = prepare(*arguments, **named)
        found.append(prepared.execution.plan)
        return prepared

    monkeypatch.setattr(engine, "prepare", spy)
    shape = IMAGE if layout == "channels_first" else (1, 9, 8, 4)
    convolve.conv2d(np.ones(shape, kinds[0]), np.ones(WEIGHT, kinds[1]), padding=1, layout=layout)
    planned = convolve.plan(shape, WEIGHT, dtype=kinds[0], weight_dtype=kinds[1], padding=1, layout=layout)
    times = 4 if kinds[0] == kinds[1] else 2
    assert planned.plan.parts == tuple(found)
    assert len(found) == times
    assert planned.conversions[0].startswith(f"computed as {times} convolutions of real and imaginary parts")
    assert planned.plan.flops == times * found[0].flops
    assert f"together\nflops    {planned.plan.flops:,}\nbytes    {planned.plan.bytes_moved:,}" in str(planned)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_complex_numbers_count_as_often_as_they_are_computed(operation: str) -> None:
    real = convolve.plan(IMAGE, WEIGHT, operation=operation, stride=2).plan
    planned = convolve.plan(IMAGE, WEIGHT, operation=operation, stride=2, dtype="complex64")
    assert planned.plan.flops == 4 * real.flops
    assert planned.plan.bytes_moved == 4 * real.bytes_moved
    limit = planned.limit
    times = planned.plan.flops / limit.flops_per_second, planned.plan.bytes_moved / limit.bytes_per_second
    assert limit.seconds == max(times)


def test_values_that_only_the_reference_computes_are_told() -> None:
    beyond, weights = "if sums exceed 64 bits", "if weights are not finite"
    for operation in OPERATIONS:
        for dtype in ("int32", "uint32", "int64", "uint64"):
            assert told(operation, beyond, dtype=dtype)
            assert not told(operation, beyond, dtype=dtype, overflow="wrap")
            assert told(operation, beyond, dtype=dtype, overflow="wrap", out_dtype="float32")
        for dtype in ("int8", "uint16", "float64", "complex64"):
            assert not told(operation, beyond, dtype=dtype)
    assert told("conv", weights, dtype="complex64", padding=1)
    assert told("conv", weights, dtype="complex64", padding=1, padding_mode=2.5)
    assert not told("conv", weights, dtype="complex64", padding=1, padding_mode=1 + 2j)
    assert not told("conv", weights, dtype="complex64", padding=1, padding_mode="reflect")
    assert not told("conv", weights, dtype="complex64")
    assert not told("conv", weights, dtype="float32", padding=1)
    assert told("conv_transpose", weights, dtype="complex64")
    assert told("weight_grad", "if numbers are not finite", dtype="complex64")


def test_a_pass_that_results_are_made_in_is_told() -> None:
    words = "pass of their own, from an array of float32 as large as the result"
    assert told("conv", words, dtype="float32", out_dtype="int16")
    assert not told("conv", words, dtype="float32", out_dtype="int16", overflow="saturate")
    assert not told("conv", words, dtype="float16")
    for operation in ("conv_transpose", "weight_grad"):
        assert told(operation, words, dtype="float16")
        assert not told(operation, words, dtype="float32")


def test_a_pass_over_the_values_is_told() -> None:
    words = "a pass over the values comes first"
    for dtype in ("int32", "int64"):
        assert told("conv", words, dtype=dtype)
        assert not told("conv", words, dtype=dtype, overflow="wrap")
    assert told("conv", words, dtype="uint8", out_dtype="int8")
    assert told("conv", words, dtype="float32", out_dtype="uint8", overflow="saturate")
    for options in ({"dtype": "uint8"}, {"dtype": "uint8", "out_dtype": "int8", "overflow": "saturate"}, {}):
        assert not told("conv", words, **options)


def test_how_nan_is_left_out_is_told() -> None:
    words = "if there is a NaN, "
    again = "with NaN are computed once more without, by the direct sum"
    assert told("conv", f"{words}strips {again}", nan="ignore")
    wide = "all is computed into an array of float32, and strips"
    assert told("conv", f"{words}{wide} {again}", nan="ignore", dtype="float16")
    assert told("conv_transpose", f"{words}images {again}", nan="ignore")
    assert not told("conv", words, nan="ignore", dtype="int8")
    shapes = (1, 64, 56, 56), (64, 64, 3, 3)
    assert convolve.plan(*shapes, nan="ignore").plan == convolve.plan(*shapes).plan  # without any NaN
