"""The classes that take the place of PyTorch's convolutions: theirs, with a forward of ours."""

from functools import cache
from typing import Any

import torch

from convolve.bridges.torch import functional
from convolve.bridges.torch.arrays import Tensor, is_plain
from convolve.bridges.torch.functions import Geometry, Target, has_graph
from convolve.bridges.torch.packed import PackedWeights, can_be_packed

FORWARD = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
TRANSPOSED = (torch.nn.ConvTranspose1d, torch.nn.ConvTranspose2d, torch.nn.ConvTranspose3d)

Class = Any
"""A class derived from torch.nn.Module, whose types are not checked here."""


class Accelerated(torch.nn.Module):  # type: ignore[misc]
    """A convolution of PyTorch's that we compute; mixed into its class."""

    replaces: Any
    _packed: PackedWeights | None = None

    def train(self, mode: bool = True) -> Any:
        """Change the mode as usual; what was packed is packed again."""
        self.forget()
        return super().train(mode)

    def forget(self) -> None:
        """Forget what was packed."""
        self.__dict__.pop("_packed", None)

    def geometry(self) -> Geometry:
        """Return the module's options as they are now."""
        padding: Any = self.padding if isinstance(self.padding, str) else tuple(self.padding)
        stride, dilation = tuple(self.stride), tuple(self.dilation)
        return Geometry(len(stride), stride, padding, dilation, self.groups, self.padding_mode)

    def packed(self, *tensors: Tensor | None) -> PackedWeights | None:
        """Return what convolves with the module's weights packed, if they are worth packing now.

        ``tensors``: input, weight, bias.
        """
        _, weight, bias = tensors
        if torch.compiler.is_compiling() or self.training or has_graph(*tensors):
            return None
        if torch.is_autocast_enabled("cpu"):
            return None
        found = self._packed
        if found is not None and found.holds(weight, bias):
            return found
        self.__dict__["_packed"] = PackedWeights(weight, bias) if can_be_packed(weight, bias) else None
        return None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what was packed, which is made anew where it is needed."""
        state = dict(super().__getstate__())
        state.pop("_packed", None)
        return state

    def __reduce__(self) -> Any:
        """Pickle as the class that it replaces: classes are made when they are needed."""
        return rebuilt, (type(self).replaces,), self.__getstate__()


class AcceleratedConv(Accelerated):
    """A forward convolution."""

    def forward(self, input: Tensor) -> Tensor:
        """Convolve; PyTorch does what we have no way for."""
        weight, bias = self.weight, self.bias
        if not _is_ours(input, weight, bias):
            return super().forward(input)
        packed, how = self.packed(input, weight, bias), self.geometry()
        if packed is not None:
            return packed(input, how, None)
        return functional.convolved(input, weight, bias, how)


class AcceleratedConvTranspose(Accelerated):
    """A transposed convolution."""

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """Convolve; PyTorch does what we have no way for."""
        weight, bias = self.weight, self.bias
        if not _is_ours(input, weight, bias) or self.padding_mode != "zeros":
            return super().forward(input, output_size)
        packed, how, extra = self.packed(input, weight, bias), self.geometry(), tuple(self.output_padding)
        if output_size is not None:
            sizes = how.stride, how.padding, self.kernel_size, how.dims, how.dilation
            extra = tuple(self._output_padding(input, output_size, *sizes))
        if packed is not None:
            return packed(input, how, Target(extra))
        return functional.sent_back(input, weight, bias, how, extra)


@cache
def accelerated_class(replaced: Class) -> Class:
    """Return the class that takes the place of a convolution's."""
    mixed = AcceleratedConv if issubclass(replaced, FORWARD) else AcceleratedConvTranspose
    names = {"replaces": replaced, "__module__": __name__, "__doc__": mixed.__doc__}
    return type(f"Accelerated{replaced.__name__}", (mixed, replaced), names)


def rebuilt(replaced: Class) -> Any:
    """Return an empty module of the class that takes another's place, for pickle."""
    made = accelerated_class(replaced)
    return made.__new__(made)


def _is_ours(input: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether we compute a convolution of these."""
    if torch.compiler.is_exporting() or torch.jit.is_tracing():
        return False
    if not (is_plain(input) and is_plain(weight) and (bias is None or is_plain(bias))):
        return False
    return input.dtype is weight.dtype or torch.is_autocast_enabled("cpu")
