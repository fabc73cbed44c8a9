"""Compiled transposed convolutions and input gradients: against the reference, PyTorch and the adjoint."""

import math
import random
from typing import Any

import numpy as np
import pytest

import convolve
from convolve import reference
from convolve.arguments import conv_spec
from convolve.compiler.subpixel import phases
from tests import seeds
from tests.engine.cases import held
from tests.peers import peer

MODES = ("zeros", "zeros", "reflect", "symmetric", "replicate", "circular", 3)


def draw_call(draw: random.Random) -> tuple[int, tuple[Any, ...], dict[str, Any]]:
    """Return dimensions, arrays of small whole numbers, and options of a transposed convolution."""
    dims = draw.choice((1, 2, 2, 3))
    groups = draw.choice((1, 1, 2))
    taps = [draw.randint(1, 4 if dims < 3 else 2) for _ in range(dims)]
    stride = tuple(draw.choice((1, 2, 3)) for _ in range(dims))
    dilation = tuple(draw.choice((1, 1, 2, 3)) for _ in range(dims))
    size = [draw.randint(1, 9) for _ in range(dims)]
    padding = []
    for line, t, s, e in zip(size, taps, stride, dilation, strict=True):
        whole = (line - 1) * s + e * (t - 1) + 1
        before = draw.randint(0, min(5, whole - 1))
        padding.append((before, draw.randint(0, min(5, whole - 1 - before))))
    layout = draw.choice(("channels_first", "channels_last"))
    filters, channels = groups * draw.randint(1, 9), draw.randint(1, 9)
    shape = (2, filters, *size) if layout == "channels_first" else (2, *size, filters)
    numbers = np.random.default_rng(draw.randrange(2**32))
    dtype = draw.choice(("float32", "float64"))
    image, weight, bias = (
        numbers.integers(-6, 7, one).astype(dtype)
        for one in (shape, (filters, channels, *taps), groups * channels)
    )
    options = {
        "stride": stride, "padding": tuple(padding), "groups": groups, "dilation": dilation,
        "padding_mode": draw.choice(MODES), "layout": layout, "flip": draw.random() < 0.3,
        "output_padding": tuple(draw.randrange(max(s, e)) for s, e in zip(stride, dilation, strict=True)),
    }  # fmt: skip
    return dims, (held(draw, image), held(draw, weight), draw.choice((None, bias))), options


@pytest.mark.parametrize("part", range(4))
def test_whole_numbers_are_exact(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(f"{seeds.seed()} transposed {part}")
    for _ in range(16):
        dims, arrays, options = draw_call(draw)
        function = getattr(convolve, f"conv_transpose{dims}d")
        expected = function(*arrays, **options, algorithm="reference")
        with monkeypatch.context() as patch:
            patch.setattr(reference, "run", None)  # nothing may fall back to it
            result = function(*arrays, **options)
        assert result.dtype == expected.dtype
        assert np.array_equal(result, expected), (options, [getattr(a, "shape", a) for a in arrays])


@pytest.mark.parametrize("mode", ["zeros", "reflect", "symmetric", "replicate", "circular"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_input_gradient_is_the_adjoint(mode: str, stride: int) -> None:
    """⟨conv x, y⟩ = ⟨x, grad y⟩, exactly on whole numbers, also with a border wider than the image."""
    draw = np.random.default_rng(seeds.seed())
    options = {"stride": stride, "padding": ((5, 3), (2, 7)), "dilation": (1, 2), "padding_mode": mode}
    image = draw.integers(-5, 6, (2, 3, 6, 5)).astype("float32")
    weight = draw.integers(-5, 6, (4, 3, 3, 2)).astype("float32")
    forward = convolve.conv2d(image, weight, **options)
    gradient = draw.integers(-5, 6, forward.shape).astype("float32")
    back = convolve.conv2d_input_grad(image.shape, weight, gradient, **options)
    assert (forward * gradient).sum(dtype="d") == (image * back).sum(dtype="d")


def test_against_pytorch() -> None:
    torch = peer("torch")
    draw = np.random.default_rng(seeds.seed())
    image = draw.standard_normal((2, 24, 13, 11)).astype("float32")
    weight = draw.standard_normal((24, 10, 4, 3)).astype("float32")
    bias = draw.standard_normal(20).astype("float32")
    options: dict[str, Any] = {"stride": (2, 3), "padding": (1, 2), "output_padding": (1, 0), "groups": 2}
    expected = torch.nn.functional.conv_transpose2d(*map(torch.from_numpy, (image, weight, bias)), **options)
    result = convolve.conv_transpose2d(image, weight, bias, **options)
    assert np.allclose(result, expected.numpy(), rtol=1e-4, atol=1e-4)


def test_no_zero_is_multiplied() -> None:
    """All phases together have each tap of the filter once, and no place of the result twice."""
    for stride, dilation, taps in ((2, 1, 3), (3, 2, 4), (2, 2, 3), (4, 6, 5), (3, 1, 2)):
        arrays = np.zeros((1, 1, 9)), np.zeros((1, 1, taps))
        spec = conv_spec("conv_transpose", 1, *arrays, stride=stride, dilation=dilation, padding=1).spec
        found = list(phases(spec))
        used = [t for phase in found for t in range(taps)[phase.taps[0]]]
        places = [p for phase in found for p in range(spec.in_size[0])[phase.place[0]]]
        assert sorted(used) == list(range(taps))
        assert len(places) == len(set(places)) <= spec.in_size[0]
        assert len(places) == spec.in_size[0] or taps < stride // math.gcd(stride, dilation) or dilation > 1


def test_infinite_weights_leave_the_border_alone() -> None:
    image = np.ones((1, 2, 5, 6), "float32")
    weight = np.full((2, 3, 3, 3), np.inf, "float32")
    result = convolve.conv_transpose2d(image, weight, stride=2, padding=1)
    expected = convolve.conv_transpose2d(image, weight, stride=2, padding=1, algorithm="reference")
    assert np.array_equal(result, expected, equal_nan=True)


def test_a_nan_touches_what_it_is_sent_to() -> None:
    image, weight = np.ones((1, 1, 6, 6), "float32"), np.ones((1, 1, 3, 3), "float32")
    image[0, 0, 2, 3] = np.nan
    for mode in ("zeros", "circular"):
        options = {"stride": 2, "padding": 1, "padding_mode": mode}
        result = convolve.conv_transpose2d(image, weight, **options)
        expected = convolve.conv_transpose2d(image, weight, **options, algorithm="reference")
        assert np.array_equal(np.isnan(result), np.isnan(expected))
