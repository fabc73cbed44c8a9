"""A network over a batch as a work: images may be computed some at a time."""

from dataclasses import dataclass

from convolve.arrays.work import Ranges, Region
from convolve.dtypes import Array, DType
from convolve.errors import DTypeError, ShapeError
from convolve.nn import Network
from convolve.nn.tensor import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class NetworkWork:
    """What a network makes of a batch that is not here.

    Attributes
    ----------
    network
        Of one input and one output.
    source
        Shape of the batch.
    shape, dtype
        Of the result.
    """

    network: Network
    source: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: DType

    @property
    def steps(self) -> tuple[int, ...]:
        """Where regions may be cut: between images."""
        return (1, *(max(1, size) for size in self.shape[1:]))

    def outputs_before(self, dimension: int, cell: int) -> int:
        """Return how many results along a dimension have their middle before a cell of the source."""
        if dimension == 0:
            return cell
        return self.shape[dimension] if cell >= self.source[min(dimension, len(self.source) - 1)] else 0

    def reads(self, region: Region) -> tuple[Ranges, ...]:
        """Return which ranges of the source a region reads, per dimension."""
        return ((region[0],), *(((0, size),) for size in self.source[1:]))

    def compute(self, region: Region, cells: Array) -> Array:
        """Return what the network makes of some images."""
        return self.network.part(cells, self.source[0])


def network_work(network: Network, shape: tuple[int, ...], dtype: DType) -> NetworkWork:
    """Return the work of a network on a batch of a shape and dtype."""
    wanted = network.inputs[0]
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise ShapeError(
            "only a network of one input and one output can be applied to a batch in parts; this one has "
            f"{len(network.inputs)} and {len(network.outputs)}"
        )
    if dtype.newbyteorder("=") != wanted.dtype:
        raise DTypeError(
            f"input {wanted.name} must have dtype {wanted.dtype}, got {dtype}; convert it with .astype"
        )
    tensors = network.tensors({wanted.name: Tensor(wanted.dtype, shape)})
    result = tensors.get(network.outputs[0])
    if result is None or not result.shape or result.shape[0] != shape[0]:
        what = "sizes that depend on the images' numbers" if result is None else f"shape {result.shape}"
        raise ShapeError(
            f"a network can be applied in parts if its result has a row for each image; for a batch of shape "
            f"{shape} this one gives {what}"
        )
    return NetworkWork(network, shape, result.shape, result.dtype)
