"""Compiled gradients with respect to the weight: against the reference and PyTorch, for all threads."""

import random
from typing import Any

import numpy as np
import pytest

import convolve
from convolve import reference
from convolve.arguments import conv_spec, weight_grad_spec
from convolve.runtime import engine, weight_gradient
from tests import seeds
from tests.engine.gradient_cases import draw_gradients
from tests.peers import peer

THREADS = (1, 2, 3, 7, 16)


@pytest.fixture
def threads_as_before() -> Any:
    before = convolve.get_num_threads()
    yield
    convolve.set_num_threads(before)


@pytest.mark.parametrize("part", range(3))
def test_whole_numbers_are_exact(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(f"{seeds.seed()} weight gradients {part}")
    for number, case in enumerate(draw_gradients(draw, 4, 25, whole=True)):
        expected = case.expected()
        if number % 12 == 0 and case.gradient.size < 5000:
            assert np.array_equal(case.call(algorithm="reference"), expected), case
        with monkeypatch.context() as patch:
            patch.setattr(reference, "run", None)  # nothing may fall back to it
            result = case.call()
        assert result.dtype == case.geometry.dtype
        assert np.array_equal(result, expected), case


def test_real_numbers_keep_the_bound_of_any_order() -> None:
    draw = random.Random(f"{seeds.seed()} real weight gradients")
    for case in draw_gradients(draw, 4, 12, whole=False):
        bound = case.size() * np.finfo(case.geometry.dtype).eps * case.gradient.size
        assert (abs(case.call() - case.expected()) <= bound).all(), case


def large(name: str, dtype: str) -> Any:
    """Return a call with enough work for several threads."""
    draw = np.random.default_rng(seeds.seed())
    shapes = {
        "many channels": ((2, 40, 24, 28), (48, 40, 3, 3), 1, {"padding": 1}),
        "one channel": ((1, 1, 300, 200), (1, 1, 5, 5), 1, {"padding": 2, "padding_mode": "reflect"}),
        "depthwise": ((3, 12, 50, 60), (12, 1, 3, 3), 12, {"padding": 1}),
        "first layer": ((2, 3, 64, 64), (24, 3, 7, 7), 1, {"padding": 3, "stride": 2}),
    }
    image, weight, groups, options = shapes[name]
    nothing = (np.broadcast_to(np.zeros((), dtype), shape) for shape in (image, weight))
    size = conv_spec("conv", 2, *nothing, groups=groups, **options).shape
    x, g = (draw.standard_normal(shape).astype(dtype) for shape in (image, size))
    return lambda: convolve.conv2d_weight_grad(x, weight, g, groups=groups, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["many channels", "one channel", "depthwise", "first layer"])
@pytest.mark.usefixtures("threads_as_before")
def test_threads_and_repeats_change_no_bit(name: str, dtype: str) -> None:
    call = large(name, dtype)
    convolve.set_num_threads(1)
    expected = call().tobytes()
    for threads in THREADS:
        convolve.set_num_threads(threads)
        assert call().tobytes() == call().tobytes() == expected, threads


@pytest.mark.usefixtures("threads_as_before")
def test_pixels_are_cut_into_parts_that_do_not_follow_the_threads() -> None:
    image, gradient = np.zeros((1, 1, 300, 200), "f"), np.zeros((1, 1, 298, 198), "f")
    spec = weight_grad_spec(2, image, (1, 1, 3, 3), gradient).spec
    plans = []
    for threads in (1, 2, 16):
        convolve.set_num_threads(threads)
        asked = weight_gradient.question(spec, engine.view_of(spec, image, gradient))
        plans.append(weight_gradient.plan_of(asked, engine.host_target()))
    assert plans[0].parts > 1
    assert len({(plan.parts, plan.block) for plan in plans}) == 1


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_are_those_of_pytorch(mode: str, stride: int) -> None:
    torch = peer("torch")
    draw = np.random.default_rng(seeds.seed())
    x, w = draw.standard_normal((2, 6, 9, 8)), draw.standard_normal((8, 3, 3, 2))
    image, weight = (torch.tensor(one, requires_grad=True) for one in (x, w))
    padded = torch.nn.functional.pad(image, (2, 2, 3, 3), mode={"zeros": "constant"}.get(mode, mode))
    forward = torch.nn.functional.conv2d(padded, weight, stride=stride, dilation=(1, 2), groups=2)
    g = draw.standard_normal(tuple(forward.shape))
    forward.backward(torch.tensor(g))
    options: dict[str, Any] = {
        "stride": stride, "padding": (3, 2), "dilation": (1, 2), "groups": 2, "padding_mode": mode,
    }  # fmt: skip
    for layout in ("channels_first", "channels_last"):
        last = layout == "channels_last"
        a, b = (np.ascontiguousarray(np.moveaxis(one, 1, -1)) if last else one for one in (x, g))
        by_weight = convolve.conv2d_weight_grad(a, w.shape, b, layout=layout, **options)
        by_input = convolve.conv2d_input_grad(a.shape, w, b, layout=layout, **options)
        assert np.allclose(by_weight, weight.grad.numpy(), rtol=1e-12, atol=1e-12)
        expected = image.grad.numpy()
        assert np.allclose(
            by_input, np.moveaxis(expected, 1, -1) if last else expected, rtol=1e-12, atol=1e-12
        )


@pytest.mark.parametrize("channels", [1, 20])
@pytest.mark.parametrize("mode", ["zeros", "circular", 2])
def test_numbers_that_are_not_finite_stay_where_they_belong(channels: int, mode: Any) -> None:
    """A gradient that is infinite at the border meets no cell there under zeros."""
    draw = np.random.default_rng(seeds.seed())
    for value in (np.inf, np.nan):
        for where in ("image", "gradient"):
            x = draw.integers(1, 5, (2, 2, 7, 9)).astype("f")
            g = draw.integers(1, 5, (2, channels, 7, 9)).astype("f")
            (x if where == "image" else g)[1, 0, 0, 8] = value
            options = {"padding": 1, "padding_mode": mode}
            result = convolve.conv2d_weight_grad(x, (channels, 2, 3, 3), g, **options)
            expected = convolve.conv2d_weight_grad(
                x, (channels, 2, 3, 3), g, **options, algorithm="reference"
            )
            assert np.array_equal(result, expected, equal_nan=True), (value, where)


def test_results_may_lie_anywhere() -> None:
    draw = np.random.default_rng(seeds.seed())
    x, g = draw.integers(-5, 6, (2, 3, 8, 9)).astype("f"), draw.integers(-5, 6, (2, 5, 6, 7)).astype("f")
    expected = convolve.conv2d_weight_grad(x, (5, 3, 3, 3), g, algorithm="reference")
    room = np.full((5, 3, 3, 9), np.nan, "f")
    for out in (room[..., 1:7:2], np.empty((3, 3, 3, 5), ">f4").T, np.empty_like(expected)):
        assert convolve.conv2d_weight_grad(x, (5, 3, 3, 3), g, out=out) is out
        assert np.array_equal(out, expected)
    assert np.isnan(room[..., [0, 2, 4, 6, 7, 8]]).all()


def test_a_long_sum_keeps_its_digits() -> None:
    """A million products: sums start anew with every block; one after the other they would be off by 1e-3."""
    x = np.full((1, 1, 1000, 1002), 0.1, "f")
    g = np.ones((1, 1, 1000, 1000), "f")
    result = convolve.conv2d_weight_grad(x, (1, 1, 1, 3), g)
    assert np.allclose(result, np.float32(0.1) * 1e6, rtol=1e-5)
