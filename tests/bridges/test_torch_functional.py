"""Functions on tensors beside torch.nn.functional's: numbers, gradients of both orders, memory formats."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convolve.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from tests.peers import peer

torch = peer("torch")
peer("ml_dtypes")

from convolve.bridges import torch as bridge  # noqa: E402  # after the peers that it needs
from convolve.bridges.torch import operators  # noqa: E402
from convolve.bridges.torch.arrays import as_array, as_tensor, is_channels_last  # noqa: E402
from convolve.bridges.torch.functions import Geometry  # noqa: E402

functional = torch.nn.functional

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12, torch.float16: 3e-3, torch.bfloat16: 3e-2}
FORMATS = {2: torch.channels_last, 3: torch.channels_last_3d}


def drawn(draw: Any, shape: tuple[int, ...], dtype: Any, last: bool = False) -> Any:
    """Return a leaf of the graph with seeded numbers, perhaps channels last."""
    tensor = torch.from_numpy(draw.standard_normal(shape)).to(dtype)
    if last:
        tensor = tensor.to(memory_format=FORMATS[len(shape) - 2])
    return tensor.requires_grad_()


def agree(ours: Any, theirs: Any, dtype: Any) -> None:
    """Check that numbers, dtypes and memory formats are the same."""
    assert ours.dtype is theirs.dtype
    assert ours.shape == theirs.shape
    scale = theirs.detach().abs().max().double().clamp(min=1)
    assert ((ours.detach().double() - theirs.detach().double()).abs().max() / scale) <= TOLERANCE[dtype]


def compare(ours: Callable[..., Any], theirs: Callable[..., Any], tensors: Any, dtype: Any) -> None:
    """Check results and gradients of two functions of the same tensors."""
    results = []
    for function in (ours, theirs):
        own = [one.detach().clone().requires_grad_() for one in tensors]
        result = function(*own)
        gradient = torch.linspace(-1, 1, result.numel(), dtype=torch.float64).reshape(result.shape)
        result.backward(gradient.to(dtype))
        results.append((result, [one.grad for one in own]))
    (result, gradients), (wanted, wanted_gradients) = results
    agree(result, wanted, dtype)
    assert is_channels_last(result) == is_channels_last(tensors[0])
    assert result.stride() == wanted.stride() or result.ndim == 5  # PyTorch's may leave the format there
    for got, expected in zip(gradients, wanted_gradients, strict=True):
        agree(got, expected, dtype)


CASES = [(1, torch.float32), *((2, dtype) for dtype in TOLERANCE), (3, torch.float64)]

OPTIONS: list[dict[str, Any]] = [
    {"stride": 2, "padding": 1},
    {"dilation": 2, "groups": 2},
    {"padding": "same"},  # one filter is even: the odd cell comes after
    {"stride": (3,), "padding": 2, "groups": 4},
]


TRANSPOSED: list[dict[str, Any]] = [
    {"stride": 2, "padding": 1, "output_padding": 1},
    {"groups": 2, "dilation": 2},
    {"stride": 2, "dilation": 4, "output_padding": 3, "padding": 1},  # more than a whole stride
]


@pytest.mark.parametrize(("dims", "dtype"), CASES, ids=str)
def test_forward(dims: int, dtype: Any, seed: int) -> None:
    draw = np.random.default_rng(seed)
    name = f"conv{dims}d"
    for options in OPTIONS if (dims, dtype) == CASES[1] else OPTIONS[:1]:  # code is compiled for each
        last = dims > 1 and bool(draw.integers(2))
        groups: Any = options.get("groups", 1)
        image = drawn(draw, (2, 4, *(7, 8, 6)[:dims]), dtype, last)
        weight, bias = drawn(draw, (8, 4 // groups, *(3, 2, 3)[:dims]), dtype), drawn(draw, (8,), dtype)
        compare(
            lambda *given, name=name, options=options: getattr(bridge, name)(*given, **options),
            lambda *given, name=name, options=options: getattr(functional, name)(*given, **options),
            (image, weight, bias),
            dtype,
        )


@pytest.mark.parametrize(("dims", "dtype"), CASES, ids=str)
def test_transposed(dims: int, dtype: Any, seed: int) -> None:
    draw = np.random.default_rng(seed)
    name = f"conv_transpose{dims}d"
    for options in TRANSPOSED if (dims, dtype) == CASES[1] else TRANSPOSED[:1]:
        last = dims > 1 and bool(draw.integers(2))
        image = drawn(draw, (2, 4, *(5, 4, 3)[:dims]), dtype, last)
        weight, filters = drawn(draw, (4, 3, *(3, 2, 3)[:dims]), dtype), 3 * options.get("groups", 1)
        compare(
            lambda *given, name=name, options=options: getattr(bridge, name)(*given, **options),
            lambda *given, name=name, options=options: getattr(functional, name)(*given, **options),
            (image, weight, drawn(draw, (filters,), dtype)),
            dtype,
        )


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_padding_modes(mode: str, seed: int) -> None:
    draw = np.random.default_rng(seed)

    def theirs(image: Any, weight: Any) -> Any:
        return functional.conv2d(functional.pad(image, (2, 2, 1, 1), mode=mode), weight, None, 2)

    compare(
        lambda image, weight: bridge.conv2d(image, weight, None, 2, (1, 2), padding_mode=mode),  # type: ignore[arg-type]
        theirs,
        (drawn(draw, (2, 3, 6, 7), torch.float64), drawn(draw, (4, 3, 3, 3), torch.float64)),
        torch.float64,
    )


def test_images_without_a_batch_and_without_bias(seed: int) -> None:
    draw = np.random.default_rng(seed)
    image, weight = drawn(draw, (3, 6, 7), torch.float64), drawn(draw, (4, 3, 3, 3), torch.float64)
    compare(bridge.conv2d, functional.conv2d, (image, weight), torch.float64)
    compare(
        bridge.conv_transpose2d,
        functional.conv_transpose2d,
        (image, weight.detach()[:3].transpose(0, 1)),
        torch.float64,
    )


@pytest.mark.parametrize("mode", ["zeros", "reflect", "circular", "symmetric", 1.5], ids=str)
def test_gradients_of_both_orders(mode: Any, seed: int) -> None:
    draw = np.random.default_rng(seed)
    image, weight = drawn(draw, (1, 2, 5, 4), torch.float64), drawn(draw, (4, 1, 3, 2), torch.float64)
    bias = drawn(draw, (4,), torch.float64)

    def forward(*given: Any) -> Any:
        return bridge.conv2d(*given, 2, ((1, 2), 1), 1, 2, padding_mode=mode, flip=True)

    assert torch.autograd.gradcheck(forward, (image, weight, bias))
    assert torch.autograd.gradgradcheck(forward, (image, weight, bias))

    def transposed(*given: Any) -> Any:
        return bridge.conv_transpose2d(*given, 2, 1, 1, 2, padding_mode=mode)

    tensors = drawn(draw, (1, 4, 3, 3), torch.float64), weight, drawn(draw, (2,), torch.float64)
    assert torch.autograd.gradcheck(transposed, tensors)
    assert torch.autograd.gradgradcheck(transposed, tensors)


@pytest.mark.parametrize("dims", [1, 3])
def test_gradients_of_both_orders_in_other_dimensions(dims: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    image = drawn(draw, (1, 2, *(3, 4, 3)[:dims]), torch.float64)
    weight = drawn(draw, (2, 2, *(2, 3, 2)[:dims]), torch.float64)
    for name in (f"conv{dims}d", f"conv_transpose{dims}d"):
        assert torch.autograd.gradcheck(getattr(bridge, name), (image, weight))
        assert torch.autograd.gradgradcheck(getattr(bridge, name), (image, weight))


def test_torch_func_differentiates_too(seed: int) -> None:
    draw = np.random.default_rng(seed)
    image, weight = drawn(draw, (2, 3, 6, 7), torch.float64), drawn(draw, (4, 3, 3, 3), torch.float64)
    found = [
        torch.func.grad(lambda w, f=function: f(image.detach(), w).square().sum())(weight.detach())
        for function in (bridge.conv2d, functional.conv2d)
    ]
    torch.testing.assert_close(*found)


def test_operators_of_graphs_are_what_they_say(seed: int) -> None:
    draw = np.random.default_rng(seed)
    how = operators.written(Geometry(2, 2, ((1, 2), 1), 1, 1, "reflect"))
    last = True  # a format that is lost would show
    image = drawn(draw, (2, 2, 6, 5), torch.float64, last)
    weight, bias = drawn(draw, (3, 2, 3, 3), torch.float64, last), drawn(draw, (3,), torch.float64)
    grad = drawn(draw, (2, 3, 4, 3), torch.float64, last)
    for operator, arguments in (
        (operators.CONV, (image, weight, bias, how)),
        (operators.CONV_TRANSPOSE, (grad, weight, None, how, [0, 0], [2, 2, 6, 5])),
        (operators.CONV_TRANSPOSE, (grad, weight, drawn(draw, (2,), torch.float64), how, [1, 0], None)),
        (operators.WEIGHT_GRAD, (image, grad, how, [3, 2, 3, 3], last)),
    ):
        assert set(torch.library.opcheck(operator, arguments).values()) == {"SUCCESS"}


def test_forward_mode_is_refused_and_never_loses_a_tangent() -> None:
    image, weight = torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(image, image)
        with pytest.raises(NotImplementedError):
            bridge.conv2d(dual, weight)


def test_without_gradients_there_is_no_graph() -> None:
    image, weight = torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2, requires_grad=True)
    assert bridge.conv2d(image, weight).requires_grad
    assert not bridge.conv2d(image, weight.detach()).requires_grad
    with torch.no_grad():
        assert not bridge.conv2d(image, weight).requires_grad
    with torch.inference_mode():
        assert bridge.conv2d(image, weight).is_inference()


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_numbers_are_seen_where_they_are(dtype: Any) -> None:
    tensor = torch.arange(24).to(dtype).reshape(2, 3, 4)[:, ::2].requires_grad_()
    array = as_array(tensor)
    assert array.ctypes.data == tensor.data_ptr()
    assert array.shape == tuple(tensor.shape)
    again = as_tensor(array)
    assert again.data_ptr() == tensor.data_ptr()
    assert torch.equal(again, tensor.detach())


def test_views_are_read_as_they_lie(seed: int) -> None:
    draw = np.random.default_rng(seed)
    big = drawn(draw, (3, 12, 10, 4), torch.float64).detach()
    weight = drawn(draw, (2, 4, 3, 3), torch.float64).detach()
    for image in (
        big.permute(0, 3, 2, 1)[..., 1::2],
        big.permute(0, 3, 1, 2),
        big[:1].permute(0, 3, 1, 2).expand(3, -1, -1, -1),
    ):
        torch.testing.assert_close(bridge.conv2d(image, weight), functional.conv2d(image, weight))


def test_which_tensors_are_channels_last() -> None:
    def last(*shape: int) -> Any:
        return torch.zeros(shape).to(memory_format=torch.channels_last)

    assert is_channels_last(last(2, 3, 4, 5))
    assert is_channels_last(last(2, 1, 4, 5))
    assert not is_channels_last(torch.zeros(2, 3, 4, 5))
    assert not is_channels_last(torch.zeros(2, 1, 4, 5))
    assert not is_channels_last(torch.zeros(2, 3, 1, 1))  # both at once: what follows may call view
    assert not is_channels_last(torch.zeros(3, 4, 5))


def test_autocast_takes_its_dtype() -> None:
    image, weight, bias = torch.randn(1, 3, 6, 6), torch.randn(4, 3, 3, 3, requires_grad=True), torch.ones(4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result, wanted = (f.conv2d(image, weight, bias) for f in (bridge, functional))
        assert result.dtype is wanted.dtype is torch.bfloat16
        assert bridge.conv2d(image.double(), weight.double()).dtype is torch.float64
    agree(result, wanted, torch.bfloat16)
    result.sum().backward()
    assert weight.grad.dtype is torch.float32


REFUSALS: list[tuple[Callable[[], Any], Any, str]] = [
    (
        lambda: bridge.conv2d(torch.ones(1, 1, 3, 3, device="meta"), torch.ones(1, 1, 2, 2)),
        ArgumentError,
        "input must be on the CPU, but it is on meta",
    ),
    (
        lambda: bridge.conv2d(np.ones((1, 1, 3, 3)), torch.ones(1, 1, 2, 2)),
        ArgumentTypeError,
        "input must be a torch.Tensor, got ndarray",
    ),
    (
        lambda: bridge.conv1d(torch.ones(1, 1, 3).int(), torch.ones(1, 1, 2).int()),
        DTypeError,
        "bfloat16, float16, float32, float64, got int32",
    ),
    (
        lambda: bridge.conv1d(torch.ones(1, 1, 3), torch.ones(1, 1, 2).double()),
        DTypeError,
        "the input has float32, the weight float64",
    ),
    (
        lambda: bridge.conv1d(torch.ones(1, 1, 3), torch.ones(1, 1, 2), torch.ones(1).half()),
        DTypeError,
        "the bias float16",
    ),
    (
        lambda: bridge.conv1d(torch.ones(1, 1, 3).to_sparse(), torch.ones(1, 1, 2)),
        ArgumentError,
        "input must be a dense tensor, its layout is torch.sparse_coo",
    ),
    (
        lambda: bridge.conv2d(torch.ones(3, 3), torch.ones(2, 2)),
        ShapeError,
        r"weight must have 4 dimensions, .* got the shape \(2, 2\)",
    ),
    (
        lambda: bridge.conv2d(torch.ones(1, 2, 3, 3), torch.ones(1, 1, 2, 2)),
        ShapeError,
        "input has 2 channels but the weight expects 1",
    ),
    (
        lambda: bridge.conv_transpose1d(torch.ones(1, 1, 3), torch.ones(1, 1, 2), output_padding=1),
        ArgumentError,
        "output_padding must be smaller than stride or dilation",
    ),
]


@pytest.mark.parametrize(("call", "error", "words"), REFUSALS)
def test_refusals(call: Callable[[], Any], error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_tracing_is_refused() -> None:
    weight = torch.ones(1, 1, 2, 2)
    with pytest.raises(ArgumentError, match="would keep the numbers of a result instead of the call"):
        torch.jit.trace(lambda image: bridge.conv2d(image, weight), torch.ones(1, 1, 3, 3))


class Blurred:
    """A data set whose items are convolved in a process that was forked."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return bridge.conv2d(torch.full((1, 8, 64, 64), float(index)), torch.ones(8, 8, 3, 3))[0, 0, 0, 0]


def test_forked_data_loaders() -> None:
    assert Blurred()[1] == 72  # threads run in this process
    loader = torch.utils.data.DataLoader(
        Blurred(), batch_size=2, num_workers=1, multiprocessing_context="fork"
    )
    assert torch.cat(list(loader)).tolist() == [0, 72, 144, 216]
