"""Sizes without numbers: the shape of a result, and how much of the input a stack of layers sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.api.types import PaddingArgument, Size
from convolve.arguments import conv_spec, parse_shape
from convolve.axis import Axis
from convolve.errors import ArgumentError, ArgumentTypeError, TooLargeError
from convolve.options import flag, paddings, per_dimension, resolve_padding, whole_number
from convolve.spec import Layout

LARGEST_FIELD = 1 << 22
"""Cells of a receptive field beyond which it is refused: 32 MiB of cell numbers."""

SPATIAL_DIMS = {1: 1, 2: 2, 3: 1, 4: 2, 5: 3}
"""Numbers in a weight's shape -> spatial dimensions, when the caller does not say."""

LAYER_KEYS = ("kernel_size", "stride", "padding", "dilation")


def output_shape(
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    stride: Size = 1,
    padding: PaddingArgument = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    output_padding: Size = 0,
    transposed: bool = False,
    layout: Layout = "channels_first",
    dims: int | None = None,
) -> tuple[int, ...]:
    """Return the shape that a convolution of these shapes would have.

    Parameters
    ----------
    input_shape, weight_shape
        As `conv1d`, `conv2d` or `conv3d` take them.
    stride, padding, dilation, groups, output_padding, layout
        As in `conv2d` and `conv_transpose2d`.
    transposed
        Whether the convolution is a transposed one.
    dims
        Number of spatial dimensions. Without it, a weight of 1 or 2 numbers is a bare filter, and one of 3, 4
        or 5 has two numbers for its channels; say ``dims=3`` for a bare volume.

    Returns
    -------
    tuple of int
        Laid out like the input.

    Raises
    ------
    ShapeError
        If the shapes do not fit together.

    Examples
    --------
    >>> output_shape((1, 3, 224, 224), (64, 3, 7, 7), stride=2, padding=3)
    (1, 64, 112, 112)
    >>> output_shape((5, 5), (3, 3))
    (3, 3)
    """
    image, weight = parse_shape(input_shape, "input_shape"), parse_shape(weight_shape, "weight_shape")
    spatial = SPATIAL_DIMS.get(len(weight), 0) if dims is None else whole_number(dims, "dims", 1)
    if not 1 <= spatial <= 3:
        raise ArgumentError(
            f"weight_shape must have 1 to 3 spatial dimensions, alone or with two for channels; got {weight}"
        )
    extras = per_dimension(output_padding, spatial, "output_padding", 0)
    if any(extras) and not flag(transposed, "transposed"):
        raise ArgumentError(
            f"output_padding belongs to transposed convolutions, got {output_padding!r}; pass transposed=True"
        )
    call = conv_spec(
        "conv_transpose" if flag(transposed, "transposed") else "conv",
        spatial,
        np.broadcast_to(np.float32(0), image),
        np.broadcast_to(np.float32(0), weight),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        output_padding=output_padding,
        layout=layout,
    )
    return call.shape


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """What one output of a stack of layers sees of the input, per spatial dimension.

    Attributes
    ----------
    size
        Cells seen.
    jump
        Cells from the field of one output to that of the next.
    start
        First cell that output 0 sees; negative where padding is seen.
    """

    size: tuple[int, ...]
    jump: tuple[int, ...]
    start: tuple[int, ...]


def receptive_field(layers: Sequence[Mapping[str, Any]], dims: int = 2) -> tuple[ReceptiveField, ...]:
    """Return the receptive field after each layer of a stack.

    Parameters
    ----------
    layers
        For each layer its ``kernel_size`` and, where they are not 1, 0 and 1, its ``stride``, ``padding`` and
        ``dilation``: numbers, or one per dimension.
    dims
        Number of spatial dimensions.

    Returns
    -------
    tuple of ReceptiveField
        One per layer.

    Raises
    ------
    ArgumentError
        If a layer has no kernel_size, or an option that is not one of these four.

    Notes
    -----
    Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks" (Distill, 2019).

    Examples
    --------
    >>> receptive_field([{"kernel_size": 3, "padding": 1}, {"kernel_size": 2, "stride": 2}], dims=1)[-1]
    ReceptiveField(size=(4,), jump=(2,), start=(-1,))
    """
    count = whole_number(dims, "dims", 1)
    if isinstance(layers, Mapping) or not isinstance(layers, Sequence):
        raise ArgumentTypeError(
            f"layers must be a list with one mapping per layer, got {layers!r}; write [{{…}}]"
        )
    stacks = [_layer_axes(index, layer, count) for index, layer in enumerate(layers)]
    fields = []
    for depth in range(1, len(stacks) + 1):
        found = [_field([stack[d] for stack in stacks[:depth]]) for d in range(count)]
        fields.append(ReceptiveField(*(tuple(parts) for parts in zip(*found, strict=True))))
    return tuple(fields)


def _layer_axes(index: int, layer: Any, dims: int) -> list[Axis]:
    """Return a layer's dimensions, over a line so long that nothing is near its end."""
    if not isinstance(layer, Mapping):
        raise ArgumentTypeError(
            f"layer {index} must be a mapping such as {{'kernel_size': 3, 'stride': 2}}, got {layer!r}"
        )
    unknown = sorted(set(layer) - set(LAYER_KEYS))
    if unknown or "kernel_size" not in layer:
        wrong = f"has {', '.join(map(repr, unknown))}" if unknown else "has no kernel_size"
        raise ArgumentError(
            f"layer {index} must have kernel_size and may have {', '.join(LAYER_KEYS[1:])}; it {wrong}"
        )
    taps = per_dimension(layer["kernel_size"], dims, "kernel_size", 1)
    strides = per_dimension(layer.get("stride", 1), dims, "stride", 1)
    dilations = per_dimension(layer.get("dilation", 1), dims, "dilation", 1)
    rule = paddings(layer.get("padding", 0), dims)
    axes = []
    for d in range(dims):
        extent = dilations[d] * (taps[d] - 1) + 1
        # A named rule depends on the size only in where a stride's leftover goes; here there is none.
        before, after = (
            resolve_padding(rule, strides[d] * extent, extent, strides[d])
            if isinstance(rule, str)
            else rule[d]
        )
        axes.append(Axis(2**62, 2**62, taps[d], strides[d], dilations[d], before, after))
    return axes


def _field(axes: Sequence[Axis]) -> tuple[int, int, int]:
    """Return (size, jump, start) by asking, layer by layer from the last, what an output reads."""
    far = 1 << 20
    here, there = _seen(axes, far), _seen(axes, far + 1)
    jump = there[0] - here[0]
    return here[1] - here[0], jump, here[0] - far * jump


def _seen(axes: Sequence[Axis], output: int) -> tuple[int, int]:
    start, stop = output, output + 1
    for axis in reversed(axes):
        if (stop - start - 1) * axis.stride + axis.extent > LARGEST_FIELD or stop * axis.stride > 2**61:
            raise TooLargeError(
                f"a receptive field must stay below {LARGEST_FIELD} cells; kernel size {axis.taps}, stride "
                f"{axis.stride} and dilation {axis.dilation} exceed that: use fewer layers or smaller numbers"
            )
        hull = axis.reads(start, stop).hull
        start, stop = hull.start, hull.stop
    return start, stop
