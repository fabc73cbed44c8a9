"""A region of a convolution's result as a smaller convolution, which has the bits of the whole one.

What a region reads is `Axis.reads`'s to say. A border that repeats the input becomes cells that are read; one
of a constant stays a border. Method and tile are those of the whole convolution (`ConvSpec.whole`), so only
outputs that share sums with their neighbours must not be cut apart: `cutting`.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from convolve.axis import OUTSIDE, Axis, AxisReads, Run
from convolve.compiler import planner
from convolve.compiler.problem import panel_channels
from convolve.dtypes import Array, kind_of
from convolve.exact import products_dtype
from convolve.runtime import engine, single
from convolve.runtime.host import host_target
from convolve.runtime.transposed import EVERY
from convolve.spec import ConvSpec

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Line:
    """What a region reads of one dimension.

    Attributes
    ----------
    ranges
        Ranges of the whole input, in order and apart, which hold every cell that is read: one range, but for
        a border that repeats far cells.
    runs
        What the smaller input takes of these ranges laid side by side; None if they are the smaller input.
    """

    ranges: tuple[Range, ...]
    runs: tuple[Run, ...] | None

    @staticmethod
    def of(reads: AxisReads) -> "Line":
        """Return what a range of outputs reads."""
        inside = np.unique(reads.cells[reads.cells != OUTSIDE])
        if not len(inside):
            return Line(((0, 0),), None)
        breaks = np.flatnonzero(np.diff(inside) > 1)
        firsts, lasts = inside[[0, *(breaks + 1)]], inside[[*breaks, len(inside) - 1]]
        ranges = tuple((int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True))
        runs = [run for run in reads.runs() if run.start != OUTSIDE]
        if len(ranges) == len(runs) == 1 and (runs[0].step, runs[0].count) in ((1, len(inside)), (0, 1)):
            return Line(ranges, None)
        starts = np.searchsorted(inside, [run.start for run in runs]).tolist()
        return Line(ranges, tuple(replace(run, start=start) for run, start in zip(runs, starts, strict=True)))


@dataclass(frozen=True, slots=True)
class Part:
    """One region of the result of a forward convolution.

    Attributes
    ----------
    spec
        The smaller convolution; its ``whole`` is the one that it is a region of.
    lines
        What its input consists of, per spatial dimension.
    """

    spec: ConvSpec
    lines: tuple[Line, ...]

    def read(self, image: Array) -> Array:
        """Return the smaller convolution's input from a whole one of (batch, channels, *spatial)."""
        for d, line in enumerate(self.lines, start=2):
            pieces = [image[(slice(None),) * d + (slice(*one),)] for one in line.ranges]
            image = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=d)
        return self.gather(image)

    def gather(self, cells: Array) -> Array:
        """Return the smaller convolution's input: a view, or a copy where the border repeats cells.

        Parameters
        ----------
        cells
            (batch, channels, *spatial): the ranges of all lines, laid side by side.
        """
        if all(line.runs is None for line in self.lines):
            return cells
        runs = [
            line.runs or (Run(0, size, 1),) for size, line in zip(cells.shape[2:], self.lines, strict=True)
        ]
        sizes = [sum(run.count for run in each) for each in runs]
        result = np.empty((*cells.shape[:2], *sizes), cells.dtype)
        for several in itertools.product(*map(_slices, runs)):
            to, out_of = zip(*several, strict=True)
            result[EVERY + to] = cells[EVERY + out_of]
        return result


def _slices(runs: tuple[Run, ...]) -> Iterator[tuple[slice, slice]]:
    """Yield which slice of a line each run is, and of which slice of the cells: of one if it is repeated.

    >>> list(_slices((Run(2, 2, -1), Run(2, 9, 0))))
    [(slice(0, 2, None), slice(2, 0, -1)), (slice(2, 11, None), slice(2, 3, 1))]
    """
    at = 0
    for run in runs:
        stop = run.start + (run.step * run.count or 1)
        yield slice(at, at + run.count), slice(run.start, stop if stop >= 0 else None, run.step or 1)
        at += run.count


def part_of(
    spec: ConvSpec, region: Sequence[Range], images: Range | None = None, channels: Range | None = None
) -> Part:
    """Return a region of a forward convolution's result.

    Parameters
    ----------
    spec
        The whole convolution, or a region of it.
    region
        (start, stop) of the outputs wanted, per spatial dimension; none may be empty.
    images
        (start, stop) of the images wanted, all of them without it.
    channels
        (start, stop) of the channels wanted, if each is convolved by itself.

    Examples
    --------
    >>> from convolve.arguments import conv_spec
    >>> image = np.arange(6.0)
    >>> spec = conv_spec("conv", 1, image, np.ones(3), padding=1, padding_mode="circular").spec
    >>> part = part_of(spec, [(0, 2)])
    >>> part.lines[0].ranges
    ((0, 3), (5, 6))
    >>> part.gather(np.array([[[0.0, 1.0, 2.0, 5.0]]])).tolist()
    [[[5.0, 0.0, 1.0, 2.0]]]
    """
    reads = tuple(axis.reads(*one) for axis, one in zip(spec.axes, region, strict=True))
    axes = tuple(_axis(*three) for three in zip(spec.axes, reads, region, strict=True))
    batch = spec.batch if images is None else images[1] - images[0]
    exact = kind_of(products_dtype(spec)) == "integer"  # then any plan gives the same bits
    part = replace(spec, batch=batch, axes=axes, whole=None if exact else spec.whole or spec)
    if channels is not None:
        count = channels[1] - channels[0]
        part = replace(part, in_channels=count, out_channels=count, groups=count)
    return Part(part, tuple(map(Line.of, reads)))


def _axis(axis: Axis, reads: AxisReads, outputs: Range) -> Axis:
    """Return one dimension of a region."""
    count = outputs[1] - outputs[0]
    if axis.boundary == "constant":
        size = reads.hull.stop - reads.hull.start
        before, after = reads.border if size else (len(reads.cells), 0)
        return replace(axis, size=size, outputs=count, before=before, after=after)
    return replace(axis, size=len(reads.cells), outputs=count, before=0, after=0, boundary="constant")


@dataclass(frozen=True, slots=True)
class Cutting:
    """How a result may be cut into regions that have the whole's bits.

    Attributes
    ----------
    steps
        Regions begin at multiples of so many outputs, and end there or where the result ends, per spatial
        dimension.
    channels
        If each channel is convolved by itself, a region has at least so many.
    """

    steps: tuple[int, ...]
    channels: int = 1


def cutting(spec: ConvSpec, weight: Array, spread: int = 1) -> Cutting:
    """Return how the result of a forward convolution may be cut.

    It depends on the weights' values where these have factors, and on how far apart results stand.
    """
    kind = kind_of(products_dtype(spec))
    if single.sums_nothing(spec) or kind == "integer" or single.too_long(spec):
        return Cutting((1,) * spec.dims)  # exact, or computed by the direct sum alone
    if kind == "complex":
        real = single.of_real_numbers(spec, "real")
        both = [cutting(real, part, spread) for part in (weight.real, weight.imag)]
        steps = tuple(math.lcm(*each) for each in zip(*(one.steps for one in both), strict=True))
        return Cutting(steps, max(one.channels for one in both))
    if single.leaves_nan_out(spec):  # what has no NaN is computed as ever, the rest by the direct sum alone
        spec = replace(spec, nan="propagate")
    code, target = engine.plan_with(spec, weight, spread).code, host_target()
    steps = planner.steps_of_regions(code, target)[3 - spec.dims :]
    least = panel_channels(code, target) if code.method == "depthwise" else 1
    return Cutting(steps, least)
