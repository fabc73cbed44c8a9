"""A convolution cut into smaller ones: some of its outputs, by some of its taps, from a slice of its input.

Outputs ``r, r + p, r + 2p, ...`` of a dilated convolution meet every ``dilation``-th cell only, if ``p`` is
``dilation / gcd(stride, dilation)``. So a dilated convolution is ``p`` independent ones without dilation, and
a filter whose few taps span a million cells is as small as any other with so few taps.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from convolve.axis import Axis, Cells, source_cells
from convolve.compiler.costs import SHORT_ROW
from convolve.spec import ConvSpec


@dataclass(frozen=True, slots=True)
class AxisCut:
    """One dimension of a cut.

    Attributes
    ----------
    axis
        The smaller convolution's; without border where ``cells`` says what lies there.
    source
        Its input cells: a slice, or one cell number for each, `OUTSIDE` for the border's constant.
    taps, place
        Its taps among the whole filter's, and its outputs among the whole result's.
    """

    axis: Axis
    source: slice | Cells
    taps: slice
    place: slice


@dataclass(frozen=True, slots=True)
class Cut:
    """One of the smaller convolutions: those of the same outputs are to be added up."""

    spec: ConvSpec
    axes: tuple[AxisCut, ...]
    channels: slice


def cut_axis(axis: Axis, outputs: range, taps: range, bare: bool) -> AxisCut:
    """Return a part of one dimension; ``bare`` says that the border holds zeros, which add nothing.

    Examples
    --------
    >>> axis = Axis(size=9, outputs=7, taps=2, dilation=4, before=1, after=1)
    >>> part = cut_axis(axis, range(1, 7, 4), range(2), bare=True)
    >>> part.source, part.place, part.axis.dilation
    (slice(0, 9, 4), slice(1, 6, 4), 1)
    """
    apart, steps = outputs.step * axis.stride, [axis.dilation] * (len(taps) > 1)
    unit = math.gcd(*steps, *[apart] * (len(outputs) > 1)) or 1
    stride = apart // unit if len(outputs) > 1 else 1
    dilation = axis.dilation // unit if len(taps) > 1 else 1
    first = outputs.start * axis.stride - axis.before + taps.start * axis.dilation
    count = (len(outputs) - 1) * stride + (len(taps) - 1) * dilation + 1
    inside = range(max(0, -(first // unit)), min(count, (axis.size - 1 - first) // unit + 1))
    part, place = slice(taps.start, taps.stop), slice(outputs.start, outputs[-1] + 1, outputs.step)
    if len(inside) == count or bare:
        start = first + unit * inside.start
        source = slice(start, first + unit * inside[-1] + 1, unit) if inside else slice(0, 0)
        border = (inside.start, count - inside.stop) if inside else (count, 0)
        small = Axis(len(inside), len(outputs), len(taps), stride, dilation, *border)
        return AxisCut(small, source, part, place)
    cells = source_cells(first + unit * np.arange(count), axis.size, axis.boundary)
    return AxisCut(Axis(count, len(outputs), len(taps), stride, dilation), cells, part, place)


def cuts(spec: ConvSpec, longest: int, window: int, most_taps: int) -> Iterator[Cut]:
    """Yield convolutions that together make one without groups, none with a longer line or a larger window.

    Parameters
    ----------
    longest
        Most cells of a padded line.
    window
        Most cells of all channels that one output reads.
    most_taps
        Most taps of a filter.
    """
    blocks = [list(_output_blocks(axis, longest)) for axis in spec.axes]
    channels, widths = spec.in_channels, _tap_blocks(spec, window, most_taps)
    some = max(1, window // _spanned(widths))
    taps = [
        [range(start, min(axis.taps, start + width)) for start in range(0, axis.taps, width)]
        for axis, width in zip(spec.axes, widths, strict=True)
    ]
    bare = spec.boundary == "constant" and spec.fill == 0
    for outputs, start in itertools.product(itertools.product(*blocks), range(0, channels, some)):
        held = slice(start, min(channels, start + some))
        for part in itertools.product(*taps):
            axes = tuple(
                cut_axis(axis, one, tap, bare)
                for axis, one, tap in zip(spec.axes, outputs, part, strict=True)
            )
            lines = tuple(one.axis for one in axes)
            yield Cut(replace(spec, axes=lines, in_channels=held.stop - start, fill=0), axes, held)


def _residues(axis: Axis) -> int:
    """Return how many convolutions without dilation one dimension falls into."""
    return min(axis.outputs, axis.dilation // math.gcd(axis.stride, axis.dilation)) if axis.taps > 1 else 1


def _taps_alone(axis: Axis) -> bool:
    """Whether each tap is taken by itself, because there are fewer taps than residues."""
    return _residues(axis) > axis.taps


def _output_blocks(axis: Axis, longest: int) -> Iterator[range]:
    """Yield the outputs of each part of a dimension: those with the same residue, some at a time."""
    apart = 1 if _taps_alone(axis) else _residues(axis)
    block = max(1, (longest - axis.taps) // axis.stride) * apart
    for residue in range(apart):
        for start in range(residue, axis.outputs, block):
            yield range(start, min(axis.outputs, start + block), apart)


def _spanned(widths: list[int]) -> int:
    """Return how many cells a block of a few outputs reads of one channel, for so many taps."""
    return math.prod(widths[:-1]) * max(SHORT_ROW, widths[-1])


def _tap_blocks(spec: ConvSpec, window: int, most_taps: int) -> list[int]:
    """Return how many taps of each dimension are taken at once."""
    widths = [1 if _taps_alone(axis) else axis.taps for axis in spec.axes]
    while _spanned(widths) > window or math.prod(widths) > most_taps:
        widest = max(range(len(widths)), key=lambda d: widths[d])
        widths[widest] = -(-widths[widest] // 2)
    return widths
