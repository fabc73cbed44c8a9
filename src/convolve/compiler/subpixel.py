"""Transposed convolutions as plain ones: each residue of the stride is a convolution of stride 1 by itself.

Tap ``t`` sends input ``o`` to position ``p = o·stride + t·dilation - before``. Positions with the same
residue of ``p + before`` by the stride meet the same taps, every ``stride / gcd(stride, dilation)``-th of
them, and read neighbouring inputs. So no zeros are inserted and none are multiplied: stride 2 in two
dimensions is four small convolutions that together do just the work there is.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from convolve.axis import Axis
from convolve.spec import ConvSpec

Slices = tuple[slice, ...]
Positions = range
"""Neighbouring places of one dimension of the result; below 0 and from its size on they lie in the border."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One of the plain convolutions.

    Attributes
    ----------
    spec
        What it computes.
    source, taps
        The parts of the input and of the weight that go in.
    place
        Where in the positions asked for its results belong.
    """

    spec: ConvSpec
    source: Slices
    taps: Slices
    place: Slices


@dataclass(frozen=True, slots=True)
class AxisPhase:
    """One dimension of a `Phase`."""

    axis: Axis
    source: slice
    taps: slice
    place: slice


def phases(spec: ConvSpec, positions: Sequence[Positions] | None = None) -> Iterator[Phase]:
    """Yield the convolutions that together give a transposed one at some positions, or at all of the result.

    They take the weight with its two dimensions of channels exchanged, turned by 180 degrees if the spec
    flips it; what lies beyond the input counts as zero. Positions that no tap reaches are in none of them.

    Examples
    --------
    >>> from convolve.arguments import conv_spec
    >>> import numpy as np
    >>> spec = conv_spec("conv_transpose", 1, np.zeros((1, 1, 4)), np.zeros((1, 1, 3)), stride=2).spec
    >>> for phase in phases(spec):
    ...     print(phase.taps, "->", phase.place)
    (slice(2, None, -2),) -> (slice(0, None, 2),)
    (slice(1, None, -2),) -> (slice(1, None, 2),)
    """
    wanted = [range(axis.size) for axis in spec.axes] if positions is None else positions
    lines = [list(_axis_phases(axis, one)) for axis, one in zip(spec.axes, wanted, strict=True)]
    for parts in itertools.product(*lines):
        plain = replace(
            spec,
            operation="conv",
            in_channels=spec.out_channels,
            out_channels=spec.in_channels,
            axes=tuple(part.axis for part in parts),
            fill=0,
            flip=False,
        )
        source, taps, place = (
            tuple(getattr(part, name) for part in parts) for name in ("source", "taps", "place")
        )
        yield Phase(plain, source, taps, place)


def _axis_phases(axis: Axis, positions: Positions) -> Iterator[AxisPhase]:
    """Yield the phases of one dimension that hold any of the positions."""
    stride, common = axis.stride, math.gcd(axis.stride, axis.dilation)
    step, apart = stride // common, axis.dilation // common
    for tap in range(min(step, axis.taps)):  # the first of those with the same residue
        offset = (tap * axis.dilation - axis.before - positions.start) % stride
        if offset >= len(positions):
            continue
        first = positions[offset] + axis.before
        place = slice(offset, None, stride)
        taps, outputs = len(range(tap, axis.taps, step)), len(positions[place])
        start = (first - tap * axis.dilation) // stride - (taps - 1) * apart
        stop = start + outputs + (taps - 1) * apart
        lowest, highest = (min(max(end, 0), axis.outputs) for end in (start, stop))
        if lowest < highest:
            line = Axis(highest - lowest, outputs, taps, 1, apart, lowest - start, stop - highest)
            backwards = slice(tap + (taps - 1) * step, tap - step if tap >= step else None, -step)
            yield AxisPhase(line, slice(lowest, highest), backwards, place)
