"""ConvSpec: the canonical meaning of one convolution, without a word on how it is computed.

Every operation is told by one forward convolution ``output = input * weight``, which ties three arrays
together: "conv" computes the output, "conv_transpose" the input (the adjoint: each output value is sent
back to the cells that it was read from), "weight_grad" the weight. A transposed convolution and the
gradient with respect to the input are therefore the same operation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from convolve.axis import Axis, AxisReads, Boundary, Cells
from convolve.dtypes import DType

Operation = Literal["conv", "conv_transpose", "weight_grad"]
Layout = Literal["channels_first", "channels_last"]
Overflow = Literal["raise", "wrap", "saturate"]
NanRule = Literal["propagate", "ignore"]
Accuracy = Literal["default", "strict"]
Algorithm = Literal["auto", "reference"]
Region = Sequence[slice | tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Reads:
    """What a region of the output needs: one `AxisReads` per spatial dimension."""

    axes: tuple[AxisReads, ...]

    @property
    def slices(self) -> tuple[slice, ...]:
        """The smallest slices of the input that hold every cell needed."""
        return tuple(axis.hull for axis in self.axes)

    @property
    def border(self) -> tuple[tuple[int, int], ...]:
        """How many of the cells needed lie before and after the input, per dimension."""
        return tuple(axis.border for axis in self.axes)


@dataclass(frozen=True, slots=True)
class ConvSpec:
    """One convolution, canonical and hashable: the same meaning always gives an equal spec.

    Attributes
    ----------
    operation
        Which of the three arrays of the forward convolution is computed.
    batch, in_channels, out_channels, groups
        Counts of the forward convolution.
    axes
        One `Axis` per spatial dimension of the forward convolution.
    fill
        The number that the border holds when the boundary is "constant"; 0 means that padding
        contributes nothing at all, even under an infinite weight.
    flip
        Whether the filter is turned by 180 degrees first (the mathematician's convolution).
    input_dtype, weight_dtype, bias_dtype, out_dtype
        Of the arrays that go in (``bias_dtype`` is None without a bias) and of the result. For
        "conv_transpose" and "weight_grad" the two arrays that go in, in the order of the arguments.

    whole
        The convolution of which this is a region, if its results must have the bits that they have there.
    way
        Method and tile by which sums are taken, if they must be those of several convolutions done together.

    Examples
    --------
    >>> from convolve.arguments import conv_spec
    >>> import numpy as np
    >>> spec = conv_spec("conv", 2, np.zeros((1, 1, 5, 5)), np.zeros((1, 1, 3, 3)), padding=1).spec
    >>> spec.out_size
    (5, 5)
    >>> spec.reads([(0, 1), (0, 1)]).slices
    (slice(0, 2, None), slice(0, 2, None))
    >>> [outputs.tolist() for outputs in spec.feeds([(0, 1), (2, 3)])]
    [[0, 1], [1, 2, 3]]
    """

    operation: Operation
    batch: int
    in_channels: int
    out_channels: int
    groups: int
    axes: tuple[Axis, ...]
    fill: int | float | complex
    flip: bool
    input_dtype: DType
    weight_dtype: DType
    bias_dtype: DType | None
    out_dtype: DType
    layout: Layout = "channels_first"
    overflow: Overflow = "raise"
    nan: NanRule = "propagate"
    accuracy: Accuracy = "default"
    whole: "ConvSpec | None" = None
    way: tuple[str, tuple[int, int, int]] | None = None

    @property
    def dims(self) -> int:
        """Number of spatial dimensions."""
        return len(self.axes)

    @property
    def in_size(self) -> tuple[int, ...]:
        """Spatial size of the forward convolution's input."""
        return tuple(axis.size for axis in self.axes)

    @property
    def out_size(self) -> tuple[int, ...]:
        """Spatial size of the forward convolution's output."""
        return tuple(axis.outputs for axis in self.axes)

    @property
    def filter_size(self) -> tuple[int, ...]:
        """Taps per dimension."""
        return tuple(axis.taps for axis in self.axes)

    @property
    def boundary(self) -> Boundary:
        """What is found outside the input."""
        return self.axes[0].boundary

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the forward convolution's input, channels first."""
        return (self.batch, self.in_channels, *self.in_size)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weight: (out channels, in channels / groups, *filter)."""
        return (self.out_channels, self.in_channels // self.groups, *self.filter_size)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the forward convolution's output, channels first."""
        return (self.batch, self.out_channels, *self.out_size)

    @property
    def result_shape(self) -> tuple[int, ...]:
        """Shape of the array that this operation computes, channels first."""
        shapes = {"conv": self.output_shape, "conv_transpose": self.input_shape}
        return shapes.get(self.operation, self.weight_shape)

    def reads(self, region: Region) -> Reads:
        """Return what a region of the output, one range per dimension, needs of the input."""
        ranges = [_range(part, axis.outputs) for part, axis in zip(region, self.axes, strict=True)]
        return Reads(tuple(axis.reads(*part) for part, axis in zip(ranges, self.axes, strict=True)))

    def feeds(self, region: Region) -> tuple[Cells, ...]:
        """Return, per dimension, the outputs that read a region of the input: the inverse of `reads`.

        Windows are boxes, so the outputs are all combinations of the indices returned.
        """
        ranges = [_range(part, axis.size) for part, axis in zip(region, self.axes, strict=True)]
        return tuple(axis.feeds(*part) for part, axis in zip(ranges, self.axes, strict=True))


def _range(part: slice | tuple[int, int], length: int) -> tuple[int, int]:
    """Return a slice or a (start, stop) pair as a range inside [0, length)."""
    wanted = part if isinstance(part, slice) else slice(*part)
    start, stop, _ = wanted.indices(length)
    return start, max(start, stop)
