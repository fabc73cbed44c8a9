"""Transposed convolutions as works: for each residue of the stride a forward one, and where it belongs."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convolve.arguments import Call, conv_spec
from convolve.arrays.convolving import ConvWork, as_given, conv_work, places_of
from convolve.arrays.work import Ranges, Region, joined, picked
from convolve.axis import Axis
from convolve.dtypes import Array, DType, kind_of
from convolve.errors import ArgumentError, DTypeError
from convolve.exact import plan_sums, products_dtype
from convolve.runtime.transposed import EVERY, exchanged, ways_of_phases
from convolve.spec import ConvSpec


@dataclass(frozen=True, slots=True, eq=False)
class Residue:
    """The convolution of every so-manyth result, as a work on the part of the source that it reads.

    Attributes
    ----------
    work
        The convolution.
    first
        Where that part begins, per dimension of the caller's array.
    offset, stride
        Its results stand at ``offset + number * stride``, per dimension of the caller's array.
    """

    work: ConvWork
    first: tuple[int, ...]
    offset: tuple[int, ...]
    stride: tuple[int, ...]

    def part(self, region: Region) -> Region | None:
        """Return which of its results lie in a region of the whole's, None if none does."""
        ends = [
            tuple(min(size, max(0, -(-(end - offset) // stride))) for end in both)
            for both, offset, stride, size in zip(
                region, self.offset, self.stride, self.work.shape, strict=True
            )
        ]
        part = tuple((start, stop) for start, stop in ends)
        return part if all(start < stop for start, stop in part) else None

    def reads(self, part: Region) -> tuple[Ranges, ...]:
        """Return which ranges of the source some of its results read, per dimension."""
        return tuple(
            tuple((start + first, stop + first) for start, stop in ranges)
            for ranges, first in zip(self.work.reads(part), self.first, strict=True)
        )

    def place(self, part: Region, region: Region) -> tuple[slice, ...]:
        """Return where some of its results stand in a region of the whole's."""
        return tuple(
            slice(offset + start * stride - origin, offset + (stop - 1) * stride - origin + 1, stride)
            for (start, stop), (origin, _), offset, stride in zip(
                part, region, self.offset, self.stride, strict=True
            )
        )


@dataclass(frozen=True, slots=True, eq=False)
class TransposedWork:
    """A transposed convolution of an array that is not here.

    Attributes
    ----------
    shape, dtype, steps
        As of every work.
    residues
        What computes it.
    rest
        What results hold that no tap reaches, one number for each channel, of the shape of the result but for
        sizes of 1; None if there are no such results.
    axes
        Of the forward convolution, per dimension of the caller's array; None for images and channels.
    """

    shape: tuple[int, ...]
    dtype: DType
    steps: tuple[int, ...]
    residues: tuple[Residue, ...]
    rest: Array | None
    axes: tuple[Axis | None, ...]

    def outputs_before(self, dimension: int, cell: int) -> int:
        """Return how many results along a dimension stand before where a cell's filter has its middle."""
        axis = self.axes[dimension]
        if axis is None:
            return self.residues[0].work.outputs_before(dimension, cell) if self.residues else cell
        middle = cell * axis.stride + math.floor(axis.middle)
        return min(self.shape[dimension], max(0, middle))

    def reads(self, region: Region) -> tuple[Ranges, ...]:
        """Return which ranges of the source a region reads, per dimension."""
        several = [residue.reads(part) for residue, part in self._parts(region)]
        return joined(several) if several else (((0, 0),),) * len(self.shape)

    def compute(self, region: Region, cells: Array) -> Array:
        """Return a region of the result from the ranges of the source, laid side by side."""
        result = np.empty([stop - start for start, stop in region], self.dtype)
        if self.rest is not None:
            sizes = zip(self.rest.shape, region, strict=True)
            result[...] = self.rest[tuple(slice(None) if one == 1 else slice(*both) for one, both in sizes)]
        held = self.reads(region)
        for residue, part in self._parts(region):
            values = residue.work.compute(part, picked(cells, held, residue.reads(part)))
            result[residue.place(part, region)] = values
        return result

    def _parts(self, region: Region) -> Iterator[tuple[Residue, Region]]:
        for residue in self.residues:
            part = residue.part(region)
            if part is not None:
                yield residue, part


def transposition(
    dims: int,
    shape: tuple[int, ...],
    dtype: DType,
    weight: ArrayLike,
    bias: ArrayLike | None,
    options: dict[str, Any],
) -> TransposedWork:
    """Return the work of `conv_transpose2d` and its kin on an array of a shape and dtype.

    ``options`` are the public function's, without ``out`` and ``algorithm``.
    """
    stand_in = np.broadcast_to(np.zeros((), dtype), shape)
    call = conv_spec("conv_transpose", dims, stand_in, weight, bias, **options)
    spec = call.spec
    _check(spec)
    residues = tuple(_residues(call))
    axes: tuple[Axis | None, ...] = as_given(places_of(call.form), (None, None, *spec.axes))
    steps = [
        math.lcm(*(residue.work.steps[d] for residue in residues)) * (1 if axis is None else axis.stride)
        for d, axis in enumerate(axes)
    ]
    return TransposedWork(call.shape, spec.out_dtype, tuple(steps), residues, _rest(call, residues), axes)


def _check(spec: ConvSpec) -> None:
    """Refuse what a region's own sums do not give."""
    if spec.boundary != "constant":
        raise ArgumentError(
            f"padding_mode must be 'zeros' or a number for transposed convolutions of Dask arrays, got "
            f"{spec.boundary!r}: what lands in a border that repeats the result would be added from afar"
        )
    if kind_of(products_dtype(spec)) == "complex":
        raise DTypeError(
            f"transposed convolutions of Dask arrays must be of real numbers, got {spec.input_dtype} by "
            f"{spec.weight_dtype}; convolve real and imaginary parts by themselves"
        )
    if spec.nan == "ignore":
        raise ArgumentError(
            "nan='ignore' is not offered for transposed convolutions of Dask arrays; replace NaN before, for "
            "example by dask.array.nan_to_num"
        )


def _residues(call: Call) -> Iterator[Residue]:
    """Yield the convolutions, each planned as it is in the whole."""
    spec = call.spec
    filters = exchanged(spec, call.second, str(call.second.dtype))
    stand_in, given = np.zeros((), spec.input_dtype), call.form.shape
    strides = given((1, 1, *(axis.stride for axis in spec.axes)))
    for phase, way in ways_of_phases(spec):
        plain = replace(phase.spec, way=way)
        taps = np.ascontiguousarray(filters[EVERY + phase.taps])
        image = np.broadcast_to(stand_in, plain.input_shape)
        own = Call(plain, image, taps, call.bias, call.form, None)
        yield Residue(
            conv_work(own, places_of(call.form), "auto", spec.axes[-1].stride),
            given((0, 0, *(part.start for part in phase.source))),
            given((0, 0, *(part.start for part in phase.place))),
            strides,
        )


def _rest(call: Call, residues: tuple[Residue, ...]) -> Array | None:
    """Return what results hold that no tap reaches: the bias, or zero."""
    if sum(math.prod(residue.work.shape) for residue in residues) == math.prod(call.shape):
        return None
    spec = call.spec
    sums = plan_sums(spec, call.first, call.second, call.bias)
    values = np.zeros(spec.in_channels, sums.dtype) if call.bias is None else call.bias.astype(sums.dtype)
    finished = sums.finish(values).astype(spec.out_dtype, copy=False)
    return finished.reshape(call.form.shape((1, spec.in_channels, *[1] * spec.dims)))
