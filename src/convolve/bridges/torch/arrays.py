"""Tensors seen as arrays and back, without copying, and which tensors there is a way for."""

from typing import Any

import numpy as np
import torch

from convolve.dtypes import Array, bfloat16
from convolve.errors import ArgumentError, ArgumentTypeError, DTypeError

Tensor = Any
"""A torch.Tensor; types are checked without PyTorch, which may be missing."""

DTYPES = frozenset((torch.float32, torch.float64, torch.float16, torch.bfloat16))

FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
"""Dimensions of a tensor -> the memory format in which its channels come last."""

TO_LAST = {4: (0, 2, 3, 1), 5: (0, 2, 3, 4, 1)}
TO_FIRST = {4: (0, 3, 1, 2), 5: (0, 4, 1, 2, 3)}


def as_array(tensor: Tensor) -> Array:
    """Return the numbers of a tensor where they are."""
    plain = tensor.detach()
    if plain.dtype is torch.bfloat16:
        bits: Array = plain.view(torch.int16).numpy()
        return bits.view(bfloat16())
    array: Array = plain.numpy()
    return array


def as_tensor(array: Array) -> Tensor:
    """Return a tensor of an array's numbers where they are."""
    if array.dtype.kind == "V":  # bfloat16, the only one that is not of NumPy's own
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def dtype_name(tensor: Tensor) -> str:
    """Return the name that NumPy has for a tensor's dtype."""
    return str(tensor.dtype).removeprefix("torch.")


def is_channels_last(tensor: Tensor) -> bool:
    """Whether the channels stand last in memory.

    With a single channel only the strides can tell; one cell in all counts as channels first, as in PyTorch.
    """
    form = FORMATS.get(tensor.ndim)
    if form is None or not tensor.is_contiguous(memory_format=form):
        return False
    if not tensor.is_contiguous():
        return True
    return bool(tensor.shape[1] == 1 and tensor.stride(1) == 1 and any(n > 1 for n in tensor.shape[2:]))


def seen(tensor: Tensor, last: bool) -> Array:
    """Return a tensor's numbers as an array with its channels where the layout has them."""
    array = as_array(tensor)
    return array.transpose(TO_LAST[array.ndim]) if last else array


def told(array: Array, last: bool) -> Tensor:
    """Return an array of a layout as a tensor, whose channels are always its second dimension."""
    return as_tensor(array.transpose(TO_FIRST[array.ndim]) if last else array)


def is_plain(tensor: Tensor) -> bool:
    """Whether a tensor's numbers lie in this process's memory, in a dtype that there is a way for."""
    return (
        type(tensor) in (torch.Tensor, torch.nn.Parameter)
        and tensor.is_cpu
        and tensor.dtype in DTYPES
        and tensor.layout is torch.strided
    )


def check(tensor: Tensor, name: str) -> None:
    """Refuse what cannot be convolved here."""
    if not isinstance(tensor, torch.Tensor):
        raise ArgumentTypeError(
            f"{name} must be a torch.Tensor, got {type(tensor).__name__}; wrap it with torch.as_tensor, or "
            "call the function of the same name in convolve, which takes arrays"
        )
    if not tensor.is_cpu:
        raise ArgumentError(f"{name} must be on the CPU, but it is on {tensor.device}; move it with .cpu()")
    if tensor.layout is not torch.strided:
        raise ArgumentError(
            f"{name} must be a dense tensor, its layout is {tensor.layout}; convert it with .to_dense()"
        )
    if tensor.dtype not in DTYPES:
        names = ", ".join(sorted(str(one).removeprefix("torch.") for one in DTYPES))
        raise DTypeError(
            f"{name} must have one of the dtypes {names}, got {dtype_name(tensor)}; convert it with .to, or "
            "call the function of the same name in convolve on .numpy(), which takes integers and complex "
            "numbers too"
        )


def check_all(input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Refuse tensors that do not belong together, as PyTorch does."""
    check(input, "input")
    for tensor, name in ((weight, "weight"), (bias, "bias")):
        if tensor is None:
            continue
        check(tensor, name)
        if tensor.dtype is not input.dtype:
            raise DTypeError(
                f"input and {name} must have the same dtype: the input has {dtype_name(input)}, the {name} "
                f"{dtype_name(tensor)}; convert one with .to"
            )
