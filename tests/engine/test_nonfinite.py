"""One NaN or infinity touches exactly the outputs whose window holds it; padding contributes nothing."""

import itertools
from typing import Any

import numpy as np
import pytest

import convolve

SPECIAL = (np.nan, np.inf, -np.inf)

SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "contraction": ((2, 8, 9, 11), (16, 8, 3, 3), {"padding": 1}),
    "contraction, strided": ((1, 8, 9, 11), (16, 8, 3, 3), {"padding": 1, "stride": 2}),
    "1 × 1": ((1, 40, 6, 7), (24, 40, 1, 1), {}),
    "photograph": ((1, 1, 40, 70), (1, 1, 3, 3), {"padding": 1}),
    "photograph, large filter": ((1, 1, 40, 70), (1, 1, 15, 15), {"padding": 7}),
    "depthwise": ((1, 6, 14, 18), (6, 1, 3, 3), {"padding": 1, "groups": 6}),
    "dilated": ((1, 3, 14, 18), (4, 3, 3, 3), {"padding": 2, "dilation": 2}),
    "signal": ((1, 1, 90), (5, 1, 7), {"padding": 3}),
    "volume": ((1, 2, 6, 7, 8), (3, 2, 2, 3, 3), {"padding": 1}),
}
each_shape = pytest.mark.parametrize("name", SHAPES)


def call(name: str, image: Any, weight: Any, **more: Any) -> Any:
    options = {**SHAPES[name][2], **more}
    return getattr(convolve, f"conv{weight.ndim - 2}d")(image, weight, **options)


def arrays(name: str, layout: str, dtype: str = "float32") -> tuple[Any, Any]:
    """Return an image and weights without a zero, so that every product with NaN is NaN."""
    draw = np.random.default_rng(5)
    shape, weights, _ = SHAPES[name]
    image = draw.uniform(1, 2, shape).astype(dtype)
    if layout == "channels_last":
        image = np.ascontiguousarray(np.moveaxis(image, 1, -1))
    return image, draw.uniform(1, 2, weights).astype(dtype)


@each_shape
@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_one_special_value_touches_the_windows_that_hold_it(name: str, layout: str, mode: str) -> None:
    image, weight = arrays(name, layout)
    plain = call(name, image, weight, layout=layout, padding_mode=mode)
    corners = list(itertools.product(*((0, size // 2, size - 1) for size in image.shape)))
    for place, special in zip(corners[:: max(1, len(corners) // 15)], itertools.cycle(SPECIAL), strict=False):
        spoilt = image.copy()
        spoilt[place] = special
        result = call(name, spoilt, weight, layout=layout, padding_mode=mode)
        expected = call(name, spoilt, weight, layout=layout, padding_mode=mode, algorithm="reference")
        touched = ~np.isfinite(expected)
        assert np.array_equal(np.isnan(result), np.isnan(expected))
        assert np.array_equal(result[np.isinf(expected)], expected[np.isinf(expected)])
        assert np.array_equal(result[~touched], plain[~touched])
        assert touched.any() or SHAPES[name][2].get("stride")


@each_shape
@pytest.mark.parametrize("special", SPECIAL)
def test_zero_padding_contributes_nothing_under_any_weight(name: str, special: float) -> None:
    image, weight = arrays(name, "channels_first")
    weight[(0,) * weight.ndim] = special
    for bound in (False, True):
        if bound:
            planned = convolve.plan(image.shape, weight.shape, **SHAPES[name][2])
            result = planned.bind(weight)(image)
        else:
            result = call(name, image, weight)
        expected = call(name, image, weight, algorithm="reference")
        np.testing.assert_allclose(result, expected, rtol=1e-5)
    if SHAPES[name][2].get("padding"):
        assert np.isfinite(expected[0, 0]).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_subnormals_survive(dtype: str) -> None:
    tiny = float(np.finfo(dtype).smallest_subnormal)
    for name in SHAPES:
        image, weight = arrays(name, "channels_first", dtype)
        image[...] = 0
        image[(0,) * image.ndim] = 3 * tiny
        weight[...] = 1
        result = call(name, image, weight)
        assert set(np.unique(result)) == {0.0, 3 * tiny}


def test_the_floating_point_mode_is_left_alone() -> None:
    image, weight = arrays("contraction", "channels_first")
    tiny = np.float32(np.finfo(np.float32).smallest_subnormal)
    call("contraction", image, weight)
    assert tiny * np.float32(1) == tiny
    with np.errstate(all="raise"):
        call(
            "contraction", np.full_like(image, 1e30), np.full_like(weight, 1e30)
        )  # overflows, and says so by inf


@pytest.mark.parametrize("activation", ["relu", "relu6"])
@pytest.mark.parametrize("shape", [((1, 8, 6, 6), (16, 8, 3, 3)), ((1, 1, 20, 40), (1, 1, 3, 3))])
def test_activations_let_nan_through(activation: Any, shape: Any) -> None:
    image, weight = np.full(shape[0], -1, np.float32), np.ones(shape[1], np.float32)
    image[0, 0, 3, 3], image[0, 0, 0, 0] = np.nan, np.inf
    bound = convolve.plan(*shape, activation=activation).bind(weight)
    linear = convolve.conv2d(image, weight)
    top = 6 if activation == "relu6" else np.inf
    assert np.isnan(linear).any()
    np.testing.assert_array_equal(bound(image), np.clip(linear, 0, top))
