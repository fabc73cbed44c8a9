"""PyTorch: both memory formats, eager, with oneDNN's own tensors, and frozen for inference."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.utils import mkldnn

from bench.shapes import Array, Data, Shape
from bench.variant import PLAIN, NotOfferedError, Variant

Tensor = torch.Tensor


def setup(threads: int) -> None:
    """Use so many threads, and no gradients."""
    warnings.filterwarnings("ignore")  # freezing is announced to go away; here it is only a candidate
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)


def version() -> str:
    """Return the version of PyTorch."""
    return str(torch.__version__)


def variants(shape: Shape, data: Data) -> list[Variant]:
    """Return eager calls, which prepare nothing, and calls with packed weights."""
    if shape.dtype != "float32":
        raise NotOfferedError("only float32 is compared yet")
    found = []
    for name, image, weight, taken in _layouts(shape, data):
        call = partial(_eager, image, weight, shape)
        if not shape.is_forward:
            call = partial(OTHERS[shape.kind], image, weight, shape, _sized(image, shape))
        read = partial(_read, taken)
        found.append(Variant(PLAIN, f"eager, {name}", call, read))
        if not shape.is_stencil and not shape.kind.endswith(
            "grad"
        ):  # one channel's filter leaves nothing to pack, and these calls take seconds
            packed = _packed(image, weight, shape)
            found += [Variant("bound", f"{way}, {name}", call, read) for way, call in packed]
    return found


def _layouts(shape: Shape, data: Data) -> list[tuple[str, Tensor, Tensor, int]]:
    """Return name, input, weight, and the dimension to take out of the result (0: none)."""
    image, weight = torch.from_numpy(data.first), torch.from_numpy(data.weight)
    plain = ("channels first", image, weight, 0)
    if shape.dims == 1:  # only pictures and volumes have a format with channels last
        tall, flat = image.unsqueeze(2), weight.unsqueeze(2)
        return [plain, ("as a picture, channels last", _last(tall), _last(flat), 2)]
    return [plain, ("channels last", _last(image), _last(weight), 0)]


def _last(tensor: Tensor) -> Tensor:
    """Return the numbers with channels last in memory, strides included where there is only one channel."""
    turned = np.ascontiguousarray(np.moveaxis(tensor.numpy(), 1, -1))
    return torch.from_numpy(turned).movedim(-1, 1)


def _eager(image: Tensor, weight: Tensor, shape: Shape) -> Tensor:
    dims = image.ndim - 2
    convolve = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}[dims]
    padding = _padding(shape, dims)
    if shape.padding_mode != "zeros":
        image = functional.pad(image, [p for p in reversed(padding) for _ in "lr"], mode=shape.padding_mode)
        padding = (0,) * dims
    return convolve(image, weight, None, _each(shape.stride, shape, dims), padding,
                    _each(shape.dilation, shape, dims), shape.groups)  # fmt: skip


def _sized(image: Tensor, shape: Shape) -> Tensor:
    """Return a tensor of the result's size, in the memory format of another: gradients ask only for that."""
    last = image.stride(1) == 1
    return torch.empty(
        shape.result_shape, memory_format=torch.channels_last if last else torch.contiguous_format
    )


def _transposed(image: Tensor, weight: Tensor, shape: Shape, _sized: Tensor) -> Tensor:
    dims = image.ndim - 2
    convolve = {
        1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d,
    }[dims]  # fmt: skip
    return convolve(image, weight, None, _each(shape.stride, shape, dims), _padding(shape, dims), 0,
                    shape.groups, _each(shape.dilation, shape, dims))  # fmt: skip


def _input_gradient(gradient: Tensor, weight: Tensor, shape: Shape, image: Tensor) -> Tensor:
    return _backward(gradient, image, weight, shape)[0]


def _weight_gradient(image: Tensor, gradient: Tensor, shape: Shape, weight: Tensor) -> Tensor:
    return _backward(gradient, image, weight, shape)[1]


def _backward(gradient: Tensor, image: Tensor, weight: Tensor, shape: Shape) -> list[Tensor]:
    """Return the one gradient that is asked for."""
    wanted = [shape.kind == "input_grad", shape.kind == "weight_grad", False]
    dims = image.ndim - 2
    done: list[Tensor] = torch.ops.aten.convolution_backward(
        gradient, image, weight, None, _each(shape.stride, shape, dims), _padding(shape, dims),
        _each(shape.dilation, shape, dims), False, (0,) * dims, shape.groups, wanted,
    )  # fmt: skip
    return done


OTHERS = {"transposed": _transposed, "input_grad": _input_gradient, "weight_grad": _weight_gradient}
"""Kind of shape -> the call that computes it."""


def _each(value: int, shape: Shape, dims: int) -> tuple[int, ...]:
    return (1,) * (dims - shape.dims) + (value,) * shape.dims


def _padding(shape: Shape, dims: int) -> tuple[int, ...]:
    return (0,) * (dims - shape.dims) + (shape.padding,) * shape.dims


def _packed(image: Tensor, weight: Tensor, shape: Shape) -> list[tuple[str, Callable[[], Any]]]:
    """Return the calls with packed weights that this PyTorch offers for the shape."""
    module = _module(weight, shape, image.ndim - 2)
    found: list[tuple[str, Callable[[], Any]]] = []
    for name, make in (("oneDNN tensors", _with_mkldnn), ("frozen", _frozen)):
        try:
            call = make(module, image)
            call()
        except (RuntimeError, NotImplementedError, AttributeError):
            continue  # such as a number of dimensions that oneDNN's tensors do not know
        found.append((name, call))
    return found


def _module(weight: Tensor, shape: Shape, dims: int) -> torch.nn.Module:
    if shape.kind == "transposed":
        return _transposed_module(weight, shape, dims)
    kind = {1: torch.nn.Conv1d, 2: torch.nn.Conv2d, 3: torch.nn.Conv3d}[dims]
    module = kind(
        shape.channels, shape.filters, weight.shape[2:], _each(shape.stride, shape, dims),
        _padding(shape, dims), _each(shape.dilation, shape, dims), shape.groups, bias=False,
        padding_mode=shape.padding_mode,
    ).eval()  # fmt: skip
    module.weight = torch.nn.Parameter(weight, requires_grad=False)
    return module


def _transposed_module(weight: Tensor, shape: Shape, dims: int) -> torch.nn.Module:
    kinds = {1: torch.nn.ConvTranspose1d, 2: torch.nn.ConvTranspose2d, 3: torch.nn.ConvTranspose3d}
    module = kinds[dims](
        shape.channels, shape.filters, weight.shape[2:], _each(shape.stride, shape, dims),
        _padding(shape, dims), 0, shape.groups, False, _each(shape.dilation, shape, dims),
    ).eval()  # fmt: skip
    module.weight = torch.nn.Parameter(weight, requires_grad=False)
    return module


def _with_mkldnn(module: torch.nn.Module, image: Tensor) -> Callable[[], Any]:
    return partial(mkldnn.to_mkldnn(module), image.to_mkldnn())


def _frozen(module: torch.nn.Module, image: Tensor) -> Callable[[], Any]:
    traced = torch.jit.freeze(torch.jit.trace(module, image))
    frozen = torch.jit.optimize_for_inference(traced)
    for _ in range(3):  # it optimises in its first calls
        frozen(image)
    return partial(frozen, image)


def _read(taken: int, result: Tensor) -> Array:
    plain = result.to_dense() if result.is_mkldnn else result
    array: Array = (plain.squeeze(taken) if taken else plain).numpy()
    return array
