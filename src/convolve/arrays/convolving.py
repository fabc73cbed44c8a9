"""Convolutions as works: one of an array by its weights, and filters that are several responses in one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convolve import reference
from convolve.api import parts, regions
from convolve.api.images import arranged, combined, delivered, weights_for
from convolve.arguments import Call, conv_spec
from convolve.arrays.work import Range, Ranges, Region, Work, joined, middles_before, picked
from convolve.dtypes import Array, DType, check_conversion, float_dtype, parse_dtype
from convolve.errors import TooLargeError
from convolve.filters import Filter
from convolve.filters.weights import Combine
from convolve.spec import ConvSpec, Overflow
from convolve.views import Form, native

MOST_REGION_BYTES = 1 << 40
"""Of one region's result: more than any machine's memory, so that a mistake is refused in words."""


@dataclass(frozen=True, slots=True, eq=False)
class ConvWork:
    """A forward convolution of an array that is not here.

    Attributes
    ----------
    spec
        What is computed.
    weight, bias
        Canonical; a weight that is the same for all channels is kept once.
    places
        Which dimension of the caller's array is batch, channel and each spatial one; None if there is none.
    reference
        Whether the reference computes it.
    steps
        Where regions may be cut, per dimension of the caller's array.
    channels
        How many channels are computed at least, if each is convolved by itself.
    spread
        How far apart the whole's results stand along the last dimension, others' results between them:
        the method depends on it.
    """

    spec: ConvSpec
    weight: Array
    bias: Array | None
    places: tuple[int | None, ...]
    reference: bool
    steps: tuple[int, ...]
    channels: int = 1
    spread: int = 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        return as_given(self.places, self.spec.output_shape)

    @property
    def dtype(self) -> DType:
        """Dtype of the result."""
        return self.spec.out_dtype

    @property
    def separate(self) -> bool:
        """Whether channels may be cut apart: each is convolved by itself, in a plane of its own."""
        return is_separate(self.spec)

    def outputs_before(self, dimension: int, cell: int) -> int:
        """Return how many results along a dimension have their middle before a cell of the source."""
        role = self.places.index(dimension)
        if role >= 2:
            return middles_before(self.spec.axes[role - 2], cell)
        if role == 1 and not self.separate:
            return self.spec.out_channels if cell >= self.spec.in_channels else 0
        return cell

    def reads(self, region: Region) -> tuple[Ranges, ...]:
        """Return which ranges of the source a region reads, per dimension."""
        images, channels, *_ = ranges = self._canonical_region(region)
        part = self._part(ranges)
        read = channels if self.separate else (0, self.spec.in_channels)
        return as_given(self.places, ((images,), (read,), *(line.ranges for line in part.lines)))

    def compute(self, region: Region, cells: Array) -> Array:
        """Return a region of the result from the ranges of the source, laid side by side."""
        ranges = self._canonical_region(region)
        wide = self._widened(ranges)
        part = self._part(wide)
        shape = as_given(self.places, part.spec.output_shape)
        if math.prod(shape) * self.dtype.itemsize > MOST_REGION_BYTES:
            raise TooLargeError(f"a region must fit into memory, but its shape is {shape}; use less")
        first = self._canonical(np.ascontiguousarray(cells))
        gathered = part.gather(first)
        if wide != ranges:
            more = part.spec.in_channels - first.shape[1]
            gathered = np.pad(gathered, ((0, 0), (0, more), *((0, 0),) * self.spec.dims))
        if gathered is not first:
            first = self._canonical(np.ascontiguousarray(self._back(gathered)))
        result = self._room(shape)
        whole = self._canonical(result)
        weight = self._weights(wide[1])
        if self.reference or not parts.run(part.spec, first, weight, self.bias, whole):
            form = Form(self.spec.dims, "channels_first", True, False)
            whole[...] = reference.run(Call(part.spec, first, weight, self.bias, form, None))
        return result if wide == ranges else self._back(whole[:, : ranges[1][1] - ranges[1][0]])

    def _room(self, shape: tuple[int, ...]) -> Array:
        """Return an array for results, which stand as far apart as the whole's."""
        last = self.places[-1]
        assert last is not None, "there is a spatial dimension"
        wide = (*shape[:last], shape[last] * self.spread, *shape[last + 1 :])
        return np.empty(wide, self.dtype)[(slice(None),) * last + (slice(None, None, self.spread),)]

    def _widened(self, ranges: tuple[Range, ...]) -> tuple[Range, ...]:
        """Return a canonical region with as many channels as the whole's method needs; some do not exist."""
        images, (first, last), *spatial = ranges
        return (images, (first, max(last, first + self.channels)), *spatial)

    def _part(self, ranges: tuple[Range, ...]) -> regions.Part:
        images, channels, *spatial = ranges
        return regions.part_of(self.spec, spatial, images, channels if self.separate else None)

    def _weights(self, channels: Range) -> Array:
        first, last = channels
        if self.weight.shape[0] != self.spec.out_channels:
            return np.broadcast_to(self.weight, (last - first, *self.weight.shape[1:]))
        if not self.separate:
            return self.weight
        there = self.weight[first:last]
        missing = last - first - len(there)
        return np.pad(there, ((0, missing), *((0, 0),) * (there.ndim - 1))) if missing else there

    def _canonical(self, array: Array) -> Array:
        """Return the caller's array as a view of (batch, channels, *spatial)."""
        there = [place for place in self.places if place is not None]
        index = tuple(None if place is None else slice(None) for place in self.places)
        return array.transpose(there)[index]

    def _back(self, canonical: Array) -> Array:
        """Return a canonical array as the caller's."""
        missing = tuple(i for i, place in enumerate(self.places) if place is None)
        there = [place for place in self.places if place is not None]
        return canonical.squeeze(missing).transpose(np.argsort(there))

    def _canonical_region(self, region: Region) -> tuple[Range, ...]:
        return tuple((0, 1) if place is None else region[place] for place in self.places)


def as_given(places: Sequence[int | None], canonical: Sequence[Any]) -> tuple[Any, ...]:
    """Return one thing per canonical dimension in the order of the caller's dimensions.

    >>> as_given((0, 3, 1, 2), ("images", "channels", "rows", "columns"))
    ('images', 'rows', 'columns', 'channels')
    """
    found = {place: one for place, one in zip(places, canonical, strict=True) if place is not None}
    return tuple(found[d] for d in range(len(found)))


def is_separate(spec: ConvSpec) -> bool:
    """Whether every channel is convolved by itself and its cells lie together, apart from other channels'."""
    alone = spec.groups == spec.in_channels == spec.out_channels
    return alone and spec.bias_dtype is None and spec.layout == "channels_first"


def conv_work(call: Call, places: tuple[int | None, ...], algorithm: str, spread: int = 1) -> ConvWork:
    """Return the work of a call whose first array is a stand-in."""
    spec = call.spec
    one = call.second[:1] if call.second.strides[0] == 0 and len(call.second) else call.second
    weight = np.array(one, dtype=native(one))
    cut = regions.cutting(spec, np.broadcast_to(weight, call.second.shape), spread)
    bias = None if call.bias is None else np.array(call.bias, dtype=native(call.bias))
    separate = is_separate(spec)
    least = cut.channels if separate else 1
    made = ConvWork(spec, weight, bias, places, algorithm == "reference", (), least, spread)
    channels = 1 if separate else max(1, spec.out_channels)
    return replace(made, steps=as_given(places, (1, channels, *cut.steps)))


def convolution(
    dims: int,
    shape: tuple[int, ...],
    dtype: DType,
    weight: ArrayLike,
    bias: ArrayLike | None,
    options: dict[str, Any],
) -> ConvWork:
    """Return the work of `conv1d`, `conv2d` or `conv3d` on an array of a shape and dtype.

    ``options`` are the public function's, with ``algorithm`` and without ``out``.
    """
    stand_in = np.broadcast_to(np.zeros((), dtype), shape)
    named = {name: value for name, value in options.items() if name != "algorithm"}
    call = conv_spec("conv", dims, stand_in, weight, bias, **named)
    return conv_work(call, places_of(call.form), options.get("algorithm", "auto"))


def places_of(form: Form) -> tuple[int | None, ...]:
    """Return which dimension of a caller's array is batch, channel and each spatial one."""
    if form.bare:
        return (None, None, *range(form.dims))
    batch = 0 if form.batched else None
    first = int(form.batched)
    if form.layout == "channels_first":
        return (batch, first, *range(first + 1, first + 1 + form.dims))
    return (batch, first + form.dims, *range(first, first + form.dims))


@dataclass(frozen=True, slots=True, eq=False)
class CombinedWork:
    """A filter of several responses that become one, such as the strength of an edge."""

    works: tuple[ConvWork, ...]
    combine: Combine
    source_dtype: DType
    dtype: DType
    overflow: Overflow

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        return self.works[0].shape

    @property
    def steps(self) -> tuple[int, ...]:
        """Where regions may be cut."""
        return tuple(math.lcm(*each) for each in zip(*(work.steps for work in self.works), strict=True))

    def outputs_before(self, dimension: int, cell: int) -> int:
        """Return how many results along a dimension have their middle before a cell of the source."""
        return self.works[0].outputs_before(dimension, cell)

    def reads(self, region: Region) -> tuple[Ranges, ...]:
        """Return which ranges of the source a region reads, per dimension."""
        return joined([work.reads(region) for work in self.works])

    def compute(self, region: Region, cells: Array) -> Array:
        """Return a region of the result from the ranges of the source, laid side by side."""
        held = self.reads(region)
        responses = (work.compute(region, picked(cells, held, work.reads(region))) for work in self.works)
        result = combined(responses, self.combine, self.source_dtype)
        return delivered(result, None, self.dtype, self.overflow)


def application(
    shape: tuple[int, ...],
    dtype: DType,
    kernel: ArrayLike | str | Filter,
    channel_axis: int | None,
    options: dict[str, Any],
) -> Work:
    """Return the work of `apply` on an array of a shape and dtype; ``options`` are those of `apply`."""
    stand_in = np.broadcast_to(np.zeros((), dtype), shape)
    weights, combine = weights_for(stand_in, kernel)
    named = dict(options)
    algorithm, out_dtype = named.pop("algorithm", "auto"), named.pop("out_dtype", None)
    overflow: Overflow = named.get("overflow", "saturate")
    named["overflow"] = overflow

    def one(weight: Array, out_dtype: Any) -> ConvWork:
        view, each, every, axis = arranged(stand_in, weight, channel_axis, named)
        call = conv_spec("conv", weight.ndim, view, each, None, **every, out_dtype=out_dtype)
        places = places_of(call.form)
        if axis:  # the channels stand in the middle of the caller's array
            order = [axis, *(d for d in range(len(shape)) if d != axis)]
            places = tuple(None if place is None else order[place] for place in places)
        return conv_work(call, places, algorithm)

    if combine is None:
        return one(weights[0], out_dtype)
    works = tuple(one(weight, None) for weight in weights)
    natural = np.empty(0, float_dtype(dtype)).real.dtype if combine == "magnitude" else works[0].dtype
    wanted = natural if out_dtype is None else parse_dtype(out_dtype, "out_dtype")
    check_conversion(natural, wanted)
    return CombinedWork(works, combine, native(stand_in), wanted, overflow)
