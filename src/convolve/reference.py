"""The convolution in NumPy, in the lesson's five steps: the truth that every faster routine is compared with.

1. **Place** the filter: `placed` says, for one tap, which input cells lie under it for all outputs at once.
2. **Multiply** these cells by the tap's weight: one shifted, strided slice times one number.
3. **Sum**: add the products up, tap by tap and channel by channel, always in that order.
4. **Slide**: there is no loop over outputs, the slices slide for all of them together.
5. **Collect** the sums, with bias, as the feature map.

The work is done in blocks of the output of at most `BLOCK` numbers, so that memory beyond the result is
bounded: a block of sums, a block of products, and the input cells that the block reads, whatever the size
of the image. Order of summation depends on the spec alone, so results have the same bits on every repeat.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from convolve.arguments import Call
from convolve.axis import OUTSIDE
from convolve.dtypes import Array, DType, kind_of
from convolve.errors import TooLargeError
from convolve.exact import Sums, plan_sums
from convolve.spec import ConvSpec
from convolve.views import check_fits

BLOCK = 1 << 18
"""Numbers in a block of sums: 1 MiB of float32. Smaller blocks lose time to Python, larger ones fall out of
the cache; of 2**12 to 2**20 it was the fastest on photographs (2026-11-23; bench/NOTES.md)."""

LARGEST_PATCH = 1 << 28
"""Cells that one block may read where a border must be laid around it, 2 GiB of float64; a window that spans
more is refused."""

Range = tuple[int, int]
Block = tuple[Range, ...]


def run(call: Call) -> Array:
    """Compute a call and return the result in the caller's shape."""
    spec = call.spec
    if call.out is None:
        check_fits(call.shape, spec.out_dtype)
    sums = plan_sums(spec, call.first, call.second, call.bias)
    overlaps = call.out is not None and any(
        np.may_share_memory(call.out, one) for one in (call.first, call.second, call.bias) if one is not None
    )
    result = np.empty(call.shape, spec.out_dtype) if call.out is None or overlaps else call.out
    view = call.canonical(result)
    compute = weight_gradient_blocks if spec.operation == "weight_grad" else output_blocks
    if call.out is not None and sums.may_refuse and not overlaps:
        for _, block in compute(call, sums):
            sums.finish(block)  # refuse before the first number is written into the caller's array
    with np.errstate(all="ignore"):
        for place, block in compute(call, sums):
            view[place] = sums.finish(block)
    if overlaps and call.out is not None:
        call.out[...] = result
        return call.out
    return result


def output_blocks(call: Call, sums: Sums) -> Iterator[tuple[tuple[slice | int, ...], Array]]:
    """Yield (place in the result, sums with bias) for each block of a forward or transposed convolution."""
    spec = call.spec
    _, channels, *size = spec.result_shape
    each = channels // spec.groups
    weight = turned(call.second, spec.flip).astype(sums.dtype)
    region_sum = forward_sums if spec.operation == "conv" else transposed_sums
    for n, g, (first, last), region in blocks(spec.batch, spec.groups, each, tuple(size)):
        filters = group_weights(spec, weight, g, first, last)
        if spec.nan == "ignore" and kind_of(spec.input_dtype) != "integer":
            block = valid_sums(spec, call.first[n], filters, g, region, region_sum)
        else:
            block = region_sum(spec, call.first[n], filters, g, region, converter(sums.dtype))
        if call.bias is not None:
            bias = call.bias[g * each + first : g * each + last].astype(sums.dtype)
            block = block + bias.reshape(-1, *(1,) * spec.dims)
        yield (n, slice(g * each + first, g * each + last), *(slice(*part) for part in region)), block


def blocks(
    batch: int, groups: int, each: int, size: tuple[int, ...]
) -> Iterator[tuple[int, int, Range, Block]]:
    """Cut a result into blocks: (image, group, range of the group's channels, region)."""
    steps = []
    left = BLOCK
    for length in reversed(size):
        steps.append(max(1, min(length, left)))
        left = max(1, left // max(1, length))
    regions = [_ranges(length, step) for length, step in zip(size, reversed(steps), strict=True)]
    channel_ranges = _ranges(each, max(1, left))
    for n, g, some in itertools.product(range(batch), range(groups), channel_ranges):
        for region in itertools.product(*regions):
            yield n, g, some, region


def _ranges(length: int, step: int) -> list[Range]:
    return [(start, min(length, start + step)) for start in range(0, length, step)]


def turned(weight: Array, flip: bool) -> Array:
    """Return the weight, turned by 180 degrees if the mathematician's convolution is asked for."""
    return np.flip(weight, axis=tuple(range(2, weight.ndim))) if flip else weight


def group_weights(spec: ConvSpec, weight: Array, group: int, first: int, last: int) -> Array:
    """Return one group's weights as (result channels, summed channels, *taps)."""
    per_group = spec.out_channels // spec.groups
    own = weight[group * per_group : (group + 1) * per_group]
    return own[first:last] if spec.operation == "conv" else np.swapaxes(own, 0, 1)[first:last]


Convert = Callable[[Array], Array]
RegionSum = Callable[[ConvSpec, Array, Array, int, Block, Convert], Array]


def forward_sums(
    spec: ConvSpec, image: Array, weight: Array, group: int, region: Block, convert: Convert
) -> Array:
    """Return the sums of products of one region: the five steps."""
    sums = np.zeros((len(weight), *(stop - start for start, stop in region)), weight.dtype)
    channels = weight.shape[1]
    for c in range(channels):
        patch, origin = read_patch(spec, image[group * channels + c], region, convert)
        for tap in itertools.product(*(range(taps) for taps in spec.filter_size)):
            inside, under = placed(spec, tap, region, origin)
            sums[:, *inside] += patch[under] * tap_weights(weight, c, tap)
    return sums


def tap_weights(weight: Array, channel: int, tap: tuple[int, ...]) -> Array:
    """Return every result channel's weight for one tap, shaped so that it multiplies a whole region."""
    index: tuple[Any, ...] = (slice(None), channel, *tap)
    weights: Array = weight[index]
    return weights.reshape(-1, *(1,) * len(tap))


def read_patch(
    spec: ConvSpec, plane: Array, region: Block, convert: Convert
) -> tuple[Array, tuple[int, ...]]:
    """Return the input cells that a region reads, and the position of the first of them.

    Where padding contributes nothing (zeros) the patch is cut from the input as it is; every other
    border is laid around the patch, by the cells that `ConvSpec.reads` names.
    """
    reads = spec.reads(region)
    if spec.boundary == "constant" and spec.fill == 0:
        return convert(plane[reads.slices]), tuple(part.start for part in reads.slices)
    shape = tuple(len(axis.cells) for axis in reads.axes)
    if math.prod(shape) > LARGEST_PATCH:
        raise TooLargeError(
            f"a window must not span more than {LARGEST_PATCH} cells with padding_mode={spec.boundary!r}, "
            f"but this one needs {shape}; use less dilation or padding_mode='zeros'"
        )
    patch = plane if plane.size else np.zeros([max(1, length) for length in plane.shape], plane.dtype)
    for d, axis in enumerate(reads.axes):
        patch = np.take(patch, np.maximum(axis.cells, 0), axis=d)
    patch = convert(patch)
    for d, axis in enumerate(reads.axes):
        patch[(slice(None),) * d + (axis.cells == OUTSIDE,)] = spec.fill
    starts = (axis.positions([part[0]])[0, 0] for axis, part in zip(spec.axes, region, strict=True))
    return patch, tuple(int(start) for start in starts)


def placed(
    spec: ConvSpec, tap: tuple[int, ...], region: Block, origin: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return the outputs of a region that have a cell under a tap, and these cells within the patch."""
    clipped = spec.boundary == "constant" and spec.fill == 0
    outputs, cells = [], []
    for axis, t, (start, stop), first_cell in zip(spec.axes, tap, region, origin, strict=True):
        first, last = axis.tap_range(t, start, stop) if clipped else (start, stop)
        begin = first * axis.stride + t * axis.dilation - axis.before - first_cell
        outputs.append(slice(first - start, last - start))
        cells.append(
            slice(begin, begin + (last - first - 1) * axis.stride + 1, axis.stride)
            if last > first
            else slice(0, 0)
        )
    return tuple(outputs), tuple(cells)


def transposed_sums(
    spec: ConvSpec, image: Array, weight: Array, group: int, region: Block, convert: Convert
) -> Array:
    """Return one region of the adjoint: each value goes back, weighted, to the cells it was read from."""
    sums = np.zeros((len(weight), *(stop - start for start, stop in region)), weight.dtype)
    feeding = [axis.feeds(*part) for axis, part in zip(spec.axes, region, strict=True)]
    sources = [axis.source(outputs) for axis, outputs in zip(spec.axes, feeding, strict=True)]
    channels = weight.shape[1]
    for k in range(channels):
        values = convert(image[group * channels + k][np.ix_(*feeding)])
        for tap in itertools.product(*(range(taps) for taps in spec.filter_size)):
            targets = [source[:, t] for source, t in zip(sources, tap, strict=True)]
            kept = [
                np.flatnonzero((cells >= start) & (cells < stop))
                for cells, (start, stop) in zip(targets, region, strict=True)
            ]
            places = [
                cells[keep] - start for cells, keep, (start, _) in zip(targets, kept, region, strict=True)
            ]
            scatter(sums, places, values[grid(kept)] * tap_weights(weight, k, tap))
    return sums


def scatter(sums: Array, places: list[Array], products: Array) -> None:
    """Add products onto the cells that they belong to; borders may fold several onto one cell."""
    if all(len(np.unique(cells)) == len(cells) for cells in places):
        sums[grid([np.arange(len(sums)), *places])] += products
    else:
        np.add.at(sums, np.ix_(np.arange(len(sums)), *places), products)


def grid(indices: list[Array]) -> Any:
    """Return an index for all combinations; evenly spaced ones as slices, which copy nothing."""
    slices = [evenly_spaced(one) for one in indices]
    return tuple(slices) if None not in slices else np.ix_(*indices)


def evenly_spaced(indices: Array) -> slice | None:
    """Return growing, evenly spaced indices as a slice, and None for all others."""
    steps = np.diff(indices)
    step = int(steps[0]) if len(steps) else 1
    if len(indices) == 0 or step < 1 or (steps != step).any():
        return None
    return slice(int(indices[0]), int(indices[-1]) + 1, step)


def converter(dtype: DType) -> Convert:
    """Return the step from input cells to numbers of the sums' dtype."""
    return lambda cells: cells.astype(dtype)


def valid_sums(
    spec: ConvSpec, image: Array, weight: Array, group: int, region: Block, region_sum: RegionSum
) -> Array:
    """Return the sums with NaN left out, scaled up by how much of the weight the valid cells carry.

    That is Σ_valid(w·x) · Σ|w| / Σ_valid|w|. Padding counts as valid: for the two sums of weights the
    border holds ones. Where the window holds no NaN the plain sum is returned as it is.
    """
    bare, ones = (
        replace(spec, fill=fill) if spec.boundary == "constant" and spec.operation == "conv" else spec
        for fill in (0, 1)
    )
    sizes = np.abs(weight)
    gaps = region_sum(
        bare, image, np.ones_like(sizes), group, region, lambda x: np.isnan(x).astype(sizes.dtype)
    )
    sums = region_sum(
        spec, image, weight, group, region, lambda x: np.where(np.isnan(x), 0, x).astype(weight.dtype)
    )
    if not gaps.any():
        return sums
    total = region_sum(ones, image, sizes, group, region, lambda x: np.ones_like(x, dtype=sizes.dtype))
    carried = region_sum(ones, image, sizes, group, region, lambda x: (~np.isnan(x)).astype(sizes.dtype))
    return np.where(gaps > 0, np.where(carried > 0, sums * (total / carried), np.nan), sums)


def weight_gradient_blocks(call: Call, sums: Sums) -> Iterator[tuple[tuple[slice | int, ...], Array]]:
    """Yield (place in the weight, sums) per filter: input cells under each tap times output gradient."""
    spec = call.spec
    each, channels = spec.out_channels // spec.groups, spec.in_channels // spec.groups
    for k, c in itertools.product(range(spec.out_channels), range(channels)):
        total = np.zeros(spec.filter_size, sums.dtype)
        for n, _, _, region in blocks(spec.batch, 1, 1, spec.out_size):
            plane = call.first[n, k // each * channels + c]
            index: tuple[Any, ...] = (n, k, *(slice(*part) for part in region))
            gradient = call.second[index].astype(sums.dtype)
            patch, origin = read_patch(spec, plane, region, converter(sums.dtype))
            for tap in itertools.product(*(range(taps) for taps in spec.filter_size)):
                inside, under = placed(spec, tap, region, origin)
                total[tap] += (patch[under] * gradient[inside]).sum()
        yield (k, c), turned(total[None, None], spec.flip)[0, 0]
