"""Plans of transposed convolutions and of gradients: bound, repeated, printed, equal to plain calls."""

import pickle
import random
from typing import Any

import numpy as np
import pytest

import convolve
from convolve import reference
from tests import seeds
from tests.engine.test_transposed import draw_call


@pytest.mark.parametrize("part", range(2))
def test_bound_transposed_convolutions_are_exact(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(f"{seeds.seed()} bound transposed {part}")
    for _ in range(25):
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
