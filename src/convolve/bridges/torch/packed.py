"""Weights of a module, packed once, for as long as they are the weights that were packed."""

from typing import Any, NamedTuple

from convolve.api.planned import plan
from convolve.bridges.torch.arrays import Tensor, dtype_name, is_channels_last, seen, told
from convolve.bridges.torch.functions import Geometry, Target
from convolve.runtime.bound import BoundConv


class Stamp(NamedTuple):
    """A tensor as it was.

    ``numbers`` shares its memory, and keeps that from being given to others.
    """

    tensor: Tensor
    numbers: Tensor
    address: int
    version: int

    @classmethod
    def of(cls, tensor: Tensor) -> "Stamp":
        """Return a tensor's stamp."""
        return cls(tensor, tensor.detach(), tensor.data_ptr(), tensor._version)

    def holds(self, tensor: Tensor) -> bool:
        """Whether a tensor is this one, unchanged as far as PyTorch counts changes."""
        return (
            tensor is self.tensor
            and tensor._version == self.version
            and tensor.data_ptr() == self.address
            and tensor.dtype is self.numbers.dtype
        )


class PackedWeights:
    """Weight and bias of a module, packed for each way in which it is called."""

    __slots__ = ("_bias", "_bound", "_weight")

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._weight = Stamp.of(weight)
        self._bias = None if bias is None else Stamp.of(bias)
        self._bound: dict[Any, BoundConv] = {}

    def holds(self, weight: Tensor, bias: Tensor | None) -> bool:
        """Whether these are the weight and the bias that are packed here."""
        if not self._weight.holds(weight):
            return False
        return bias is None if self._bias is None else bias is not None and self._bias.holds(bias)

    def __call__(self, input: Tensor, how: Geometry, size: Target | None) -> Tensor:
        """Convolve an input; a ``size`` makes it a transposed convolution."""
        last = is_channels_last(input)
        key = how, size, last
        bound = self._bound.get(key)
        if bound is None:
            bound = self._bound[key] = self._bind(input, how, size, last)
        return told(bound(seen(input, last)), last)

    def _bind(self, input: Tensor, how: Geometry, size: Target | None, last: bool) -> BoundConv:
        options = how.options(last)
        if size is not None:
            options["output_padding"] = size.output_padding
        weight = self._weight.numbers
        planned = plan(
            seen(input, last).shape,
            tuple(weight.shape),
            operation="conv" if size is None else "conv_transpose",
            dtype=dtype_name(weight),
            bias=self._bias is not None,
            **options,
        )
        sums = None if self._bias is None else seen(self._bias.numbers, False)
        return planned.bind(seen(weight, False), sums)


def can_be_packed(*tensors: Tensor | None) -> bool:
    """Whether PyTorch counts changes of these.

    It does not for tensors that were made in inference mode, nor what other processes do to shared ones.
    """
    return not any(one is not None and (one.is_inference() or one.is_shared()) for one in tensors)
