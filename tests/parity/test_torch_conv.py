"""PyTorch's convolutions, transposed convolutions and their gradients, over drawn options.

Whole numbers in float64, so that every result must be exactly the same: no tolerance hides a difference.
"""

from typing import Any

import numpy as np
import pytest

import convolve
from tests.parity.compare import Array, close, real, same, whole
from tests.parity.draw import ConvCase, draw_conv, draw_transposed
from tests.peers import peer

torch = peer("torch")
F = peer("torch.nn.functional")
G = peer("torch.nn.grad")

CASES = 14
HOLES = 0.99
"""The share of zeros allowed where a stride leaves cells unread, or a filter of one tap stands on padding."""

CONV = {1: convolve.conv1d, 2: convolve.conv2d, 3: convolve.conv3d}
TRANSPOSED = {1: convolve.conv_transpose1d, 2: convolve.conv_transpose2d, 3: convolve.conv_transpose3d}
INPUT_GRAD = {1: convolve.conv1d_input_grad, 2: convolve.conv2d_input_grad, 3: convolve.conv3d_input_grad}
WEIGHT_GRAD = {1: convolve.conv1d_weight_grad, 2: convolve.conv2d_weight_grad, 3: convolve.conv3d_weight_grad}
PAD_NAMES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


def tensor(array: Array) -> Any:
    return torch.from_numpy(array)


def theirs(function: str, dims: int) -> Any:
    return getattr(F, f"{function}{dims}d")


def padded(values: Any, pairs: tuple[tuple[int, int], ...], mode: str) -> Any:
    """Pad as torch does, which counts its pairs from the last dimension backwards."""
    flat = [width for pair in reversed(pairs) for width in pair]
    return F.pad(values, flat, PAD_NAMES[mode])


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("seed", range(CASES))
def test_conv(dims: int, seed: int) -> None:
    case = draw_conv(dims, seed)
    image, weight, bias = case.arrays()
    ours = CONV[dims](image, weight, bias, *case.options())
    same(ours, theirs("conv", dims)(tensor(image), tensor(weight), tensor(bias), *case.options()), case)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("taps", [2, 3, 4])
@pytest.mark.parametrize("dilation", [1, 2])
def test_conv_with_named_padding(dims: int, padding: str, taps: int, dilation: int) -> None:
    image, weight = whole(1, (2, 3) + (9, 8, 7)[:dims]), whole(2, (4, 3) + (taps,) * dims)
    ours = CONV[dims](image, weight, padding=padding, dilation=dilation)
    same(ours, theirs("conv", dims)(tensor(image), tensor(weight), None, 1, padding, dilation))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_conv_without_a_batch(dims: int) -> None:
    image, weight = whole(3, (3,) + (9, 8, 7)[:dims]), whole(4, (4, 3) + (3,) * dims)
    same(CONV[dims](image, weight), theirs("conv", dims)(tensor(image), tensor(weight)))


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("mode", PAD_NAMES)
@pytest.mark.parametrize("seed", range(4))
def test_conv_and_both_gradients_over_every_boundary(dims: int, mode: str, seed: int) -> None:
    """The padding of each side differs; torch pads first and differentiates through the padding."""
    case = draw_conv(dims, seed, per_side=True)
    image, weight, _ = case.arrays()
    x, w = tensor(image).requires_grad_(), tensor(weight).requires_grad_()
    y = theirs("conv", dims)(padded(x, case.pairs, mode), w, None, case.stride, 0, case.dilation, case.groups)
    grad = whole(seed + 900, tuple(y.shape))
    y.backward(tensor(grad))
    options = {"stride": case.stride, "padding": case.pairs, "dilation": case.dilation, "groups": case.groups}
    same(CONV[dims](image, weight, padding_mode=mode, **options), y.detach(), case, HOLES)
    ours = INPUT_GRAD[dims](image.shape, weight, grad, padding_mode=mode, **options)
    same(ours, x.grad, case, HOLES)
    same(WEIGHT_GRAD[dims](image, weight.shape, grad, padding_mode=mode, **options), w.grad, case)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("seed", range(CASES))
def test_the_functions_of_torch_nn_grad(dims: int, seed: int) -> None:
    case = draw_conv(dims, seed)
    image, weight, _ = case.arrays()
    grad = whole(seed + 77, CONV[dims](image, weight, None, *case.options()).shape)
    x, w, g = tensor(image), tensor(weight), tensor(grad)
    expected = getattr(G, f"conv{dims}d_input")(image.shape, w, g, *case.options())
    same(INPUT_GRAD[dims](image.shape, weight, grad, *case.options()), expected, case, HOLES)
    expected = getattr(G, f"conv{dims}d_weight")(x, weight.shape, g, *case.options())
    same(WEIGHT_GRAD[dims](image, weight.shape, grad, *case.options()), expected, case)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("seed", range(CASES))
def test_conv_transpose(dims: int, seed: int) -> None:
    case = draw_transposed(dims, seed)
    image, weight, bias = case.arrays()
    ours = TRANSPOSED[dims](image, weight, bias, *case.options())
    expected = theirs("conv_transpose", dims)(tensor(image), tensor(weight), tensor(bias), *case.options())
    same(ours, expected, case)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("mode", PAD_NAMES)
def test_conv_transpose_over_a_boundary_is_the_adjoint(dims: int, mode: str) -> None:
    """What lands in the border folds back onto the cells that the border shows."""
    pairs = ((1, 2), (2, 0), (0, 1))[:dims]
    weight = whole(5, (3, 2) + (3, 2, 4)[:dims])
    x = torch.zeros((2, 2, *(7, 6, 8)[:dims]), dtype=torch.float64, requires_grad=True)
    y = theirs("conv", dims)(padded(x, pairs, mode), tensor(weight), None, 2)
    grad = whole(6, tuple(y.shape))
    y.backward(tensor(grad))
    ends = [
        size - ((count - 1) * 2 - before - after + taps)
        for size, count, (before, after), taps in zip(
            x.shape[2:], y.shape[2:], pairs, weight.shape[2:], strict=True
        )
    ]
    ours = TRANSPOSED[dims](grad, weight, stride=2, padding=pairs, output_padding=ends, padding_mode=mode)
    same(ours, x.grad)


@pytest.mark.parametrize("function", ["conv2d", "conv_transpose2d"])
@pytest.mark.parametrize(
    ("dtype", "relative"), [("float32", 1e-6), ("float64", 1e-14), ("complex64", 1e-6), ("complex128", 1e-14)]
)
def test_real_data_in_every_dtype_they_have(function: str, dtype: str, relative: float) -> None:
    image, weight = real(7, (2, 6, 13, 11)), real(8, (6, 6, 3, 3))
    if dtype.startswith("complex"):
        image, weight = image + 1j * real(9, image.shape), weight + 1j * real(10, weight.shape)
    image, weight = image.astype(dtype), weight.astype(dtype)
    ours = getattr(convolve, function)(image, weight, stride=2, padding=1)
    close(ours, getattr(F, function)(tensor(image), tensor(weight), stride=2, padding=1), relative)
    assert ours.dtype == np.dtype(dtype)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sixteen_bit_floats_round_once(dtype: str) -> None:
    """Torch's own float32 result, rounded at the end, is what a sum in float32 must give."""
    image, weight = real(11, (1, 8, 9, 9)), real(12, (4, 8, 3, 3))
    if dtype == "bfloat16":
        storage: Any = peer("ml_dtypes").bfloat16
    else:
        storage = np.float16
    ours = convolve.conv2d(image.astype(storage), weight.astype(storage), padding=1)
    x, w = (tensor(values.astype(storage).astype(np.float32)) for values in (image, weight))
    expected = F.conv2d(x, w, padding=1).numpy()
    assert ours.dtype == np.dtype(storage)
    unit = 2.0**-8 if dtype == "bfloat16" else 2.0**-11
    close(ours.astype(np.float32), expected, unit)


def test_a_tensor_is_taken_as_it_is() -> None:
    image, weight = whole(13, (1, 2, 6, 6)), whole(14, (3, 2, 3, 3))
    ours = convolve.conv2d(tensor(image), tensor(weight))
    same(ours, convolve.conv2d(image, weight))


def test_the_lists_of_options_hold_what_they_should() -> None:
    """Guards the drawing itself: every option is met, and groups, strides and dilations beyond 1 often."""
    cases = [draw_conv(2, seed) for seed in range(CASES)] + [
        draw_transposed(2, seed) for seed in range(CASES)
    ]
    assert {case.groups for case in cases} >= {1, 2, 3}
    for name in ("stride", "dilation", "padding"):
        assert sum(max(getattr(case, name)) > 1 for case in cases) > len(cases) // 4, name
    assert any(max(case.output_padding) > 0 for case in cases)
    assert isinstance(cases[0], ConvCase)
