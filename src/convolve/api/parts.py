"""Convolutions that no single routine computes, in parts that one does.

Sums of nothing; arrays of the other byte order; images with NaN that are to be left out; lines and windows
that are too long; weights that are infinite or NaN beside zero padding, which must add nothing under them.
A forward convolution holds copies of no more than a strip of an image, a transposed one of an image at a
time; a gradient with respect to the weight sums over all images, and converts the whole of its arrays. Where
parts are added up in another dtype than that of the result, there is an array of that dtype as large as the
result.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from convolve.api.compiled import compute
from convolve.axis import OUTSIDE
from convolve.compiler.cutting import AxisCut, Cut, cut_axis
from convolve.dtypes import Array
from convolve.exact import plan_sums
from convolve.runtime import single
from convolve.spec import ConvSpec

STRIP_CELLS = 1 << 20
"""Cells of an image that are converted at once: 4 MiB of float32."""

Places = tuple[Any, ...]


def run(spec: ConvSpec, first: Array, second: Array, bias: Array | None, out: Array) -> bool:
    """Compute any spec by compiled code, in as many parts as it needs.

    False, and the result is not to be used, if values forbid compiled code: integers beyond 64 bits, or
    complex weights that are not finite beside zero padding.
    """
    if single.sums_nothing(spec):
        return _nothing(spec, first, second, bias, out)
    if not (first.dtype.isnative and out.dtype.isnative):
        return _converted(spec, first, second, bias, out)
    if single.leaves_nan_out(spec) and _holds_nan(first):
        return _without_nan(spec, first, second, bias, out)
    if single.too_long(spec):
        return _cut(spec, first, second, bias, out)
    return compute(spec, first, second, bias, out) or _infinite(spec, first, second, bias, out)


def _nothing(spec: ConvSpec, first: Array, second: Array, bias: Array | None, out: Array) -> bool:
    """Write sums of no products at all: the bias."""
    sums = plan_sums(spec, first, second, bias)
    values = np.zeros(1, sums.dtype) if bias is None else bias.astype(sums.dtype)
    out[...] = sums.finish(values).reshape(-1, *[1] * (out.ndim - 2))
    return True


# -- strips ------------------------------------------------------------------------------------------


def _strips(spec: ConvSpec) -> Iterator[tuple[ConvSpec, slice, tuple[AxisCut, ...]]]:
    """Yield convolutions of strips of one image, of whole images for transposed ones, and their places."""
    first, *others = spec.axes
    cells = spec.in_channels * math.prod(axis.size for axis in others) * first.stride
    rows = first.outputs if spec.operation != "conv" else max(1, STRIP_CELLS // max(1, cells))
    bare = spec.boundary == "constant" and spec.fill == 0
    if spec.operation == "conv":  # the bits of what is computed in strips must not depend on these
        spec = replace(spec, whole=spec.whole or spec)
    for n in range(spec.batch):
        for start in range(0, first.outputs, rows):
            outputs = [range(start, min(first.outputs, start + rows)), *(range(a.outputs) for a in others)]
            if len(outputs[0]) == first.outputs:
                whole = tuple(AxisCut(axis, slice(None), slice(None), slice(None)) for axis in spec.axes)
                yield replace(spec, batch=1), slice(n, n + 1), whole
                continue
            axes = tuple(
                cut_axis(axis, part, range(axis.taps), bare)
                for axis, part in zip(spec.axes, outputs, strict=True)
            )
            lines = tuple(one.axis for one in axes)
            yield replace(spec, batch=1, axes=lines), slice(n, n + 1), axes


def _read(image: Array, axes: tuple[AxisCut, ...], fill: complex) -> Array:
    """Return what a part reads: a view, or a copy where the border repeats cells."""
    for d, axis in enumerate(axes, start=2):
        if isinstance(axis.source, slice):
            image = image[(slice(None),) * d + (axis.source,)]
    for d, axis in enumerate(axes, start=2):
        if not isinstance(axis.source, slice):
            image = np.take(image, np.maximum(axis.source, 0), axis=d)
            image[(slice(None),) * d + (axis.source == OUTSIDE,)] = fill
    return image


def _place(images: slice, axes: tuple[AxisCut, ...]) -> Places:
    return (images, slice(None), *(axis.place for axis in axes))


def _converted(spec: ConvSpec, first: Array, second: Array, bias: Array | None, out: Array) -> bool:
    """Compute with arrays of the other byte order, converted strip by strip, or image by image."""
    if spec.operation == "weight_grad":  # a sum over all images: these are converted at once
        result = np.empty(out.shape, spec.out_dtype)
        done = run(spec, _native(first), second, bias, result)
        out[...] = result
        return done
    for part, images, axes in _strips(spec):
        place = _place(images, axes)
        result = np.empty(out[place].shape, spec.out_dtype)
        image = _native(_read(first[images], axes, spec.fill))
        if not run(part, image, second, bias, result):
            return False
        out[place] = result
    return True


def _native(array: Array) -> Array:
    """Return an array in this machine's byte order."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


# -- lines and windows that are too long ---------------------------------------------------------------


def _cut(spec: ConvSpec, first: Array, second: Array, bias: Array | None, out: Array) -> bool:
    """Compute in parts whose lines and windows are short, and add up what belongs together."""
    sums = plan_sums(spec, first, second, bias)
    if sums.dtype.kind == "O":
        return False
    turn: Places = (..., *[slice(None, None, -1)] * spec.dims)
    weight_grad = spec.operation == "weight_grad"
    weight = second[turn] if spec.flip and not weight_grad else second
    total = out if out.dtype == sums.dtype else np.empty(out.shape, sums.dtype)
    total[...] = 0
    inputs, filters = spec.in_channels // spec.groups, spec.out_channels // spec.groups
    each = single.one_group(spec)
    for g in range(spec.groups):
        into, outof = slice(g * inputs, (g + 1) * inputs), slice(g * filters, (g + 1) * filters)
        for cut in single.cut(each):
            if not _one_cut(cut, spec.fill, into, outof, (first, weight, total)):
                return False
    if bias is not None:
        total += bias.astype(sums.dtype).reshape(-1, *[1] * spec.dims)
    if spec.flip and weight_grad:
        total = total[turn].copy()
    if total is not out:
        out[...] = sums.finish(total)
    return True


def _one_cut(cut: Cut, fill: complex, into: slice, outof: slice, arrays: tuple[Array, Array, Array]) -> bool:
    """Add one part of a group to the total: ``into`` and ``outof`` are the group's channels."""
    first, second, total = arrays
    channels = slice(into.start + cut.channels.start, into.start + cut.channels.stop)
    taps = (outof, cut.channels, *(axis.taps for axis in cut.axes))
    place = (slice(None), outof, *(axis.place for axis in cut.axes))
    operation = cut.spec.operation
    if operation == "conv":
        left, right, to = _read(first[:, channels], cut.axes, fill), second[taps], total[place]
    elif operation == "weight_grad":
        left, right, to = _read(first[:, channels], cut.axes, fill), second[place], total[taps]
    else:
        left, right, to = first[place], second[taps], total[:, channels]
    result = np.empty(cut.spec.result_shape, total.dtype)
    if not run(cut.spec, left, right, None, result):
        return False
    with np.errstate(all="ignore"):
        if operation == "conv_transpose":
            _scatter(to, cut.axes, result)
        else:
            to += result
    return True


def _scatter(image: Array, axes: tuple[AxisCut, ...], values: Array) -> None:
    """Add values to the cells that a part reads."""
    cells: list[Any] = []
    for d, (axis, size) in enumerate(zip(axes, image.shape[2:], strict=True), start=2):
        source = np.arange(size)[axis.source] if isinstance(axis.source, slice) else axis.source
        values = values[(slice(None),) * d + (source != OUTSIDE,)]
        cells.append(source[source != OUTSIDE])
    np.add.at(image, (slice(None), slice(None), *np.ix_(*cells)), values)


# -- NaN left out --------------------------------------------------------------------------------------


def _holds_nan(image: Array) -> bool:
    """Whether any cell is NaN, found a strip at a time."""
    rows = max(1, STRIP_CELLS // max(1, math.prod(image.shape[3:])))
    return any(
        np.isnan(image[n, c, start : start + rows]).any()
        for n, c in np.ndindex(image.shape[:2])
        for start in range(0, image.shape[2], rows)
    )


def _without_nan(spec: ConvSpec, first: Array, second: Array, bias: Array | None, out: Array) -> bool:
    """Leave NaN out: Σ_valid(w·x) · Σ|w| / Σ_valid|w|, then bias, where a window holds any.

    First everything is computed as it stands: windows without NaN get the bits that they always get, whatever
    other windows hold. Then, in strips or images, the others are computed anew by the direct sum.
    """
    sums = plan_sums(spec, first, second, bias)
    total = out if out.dtype == sums.dtype else np.empty(out.shape, sums.dtype)
    plain = replace(spec, nan="propagate", out_dtype=sums.dtype)
    if not run(plain, first, second, bias, total):
        return False
    for part, images, axes in _strips(replace(plain, accuracy="strict")):
        image = _read(first[images], axes, spec.fill)
        place = _place(images, axes)
        if _holds_nan(image) and not _mend(part, image, second, bias, total[place]):
            return False
    if total is not out:
        out[...] = sums.finish(total)
    return True


def _mend(spec: ConvSpec, image: Array, weight: Array, bias: Array | None, out: Array) -> bool:
    """Compute the results of a part that are NaN anew, without the NaN of the image."""
    real = np.abs(np.zeros(0, spec.out_dtype)).dtype
    sizes = np.abs(weight).astype(real)
    missing = np.isnan(image)
    bare = replace(spec, bias_dtype=None)
    share = replace(bare, input_dtype=real, weight_dtype=real, out_dtype=real, fill=_share_fill(spec))
    sums, carried, whole = (np.empty(out.shape, dtype) for dtype in (out.dtype, real, real))
    valid = (~missing).astype(real)
    done = (
        run(bare, np.where(missing, 0, image).astype(image.dtype), weight, None, sums)
        and run(share, valid, sizes, None, carried)
        and run(share, np.ones_like(valid), sizes, None, whole)
    )
    with np.errstate(all="ignore"):
        mended = _times(sums, np.where(carried > 0, whole / carried, np.nan))
        if bias is not None:
            mended = mended + bias.reshape(-1, *[1] * spec.dims)
    np.copyto(out, mended.astype(out.dtype), where=np.isnan(out))
    return done


def _times(sums: Array, shares: Array) -> Array:
    """Return sums times real numbers; one times an infinite complex number is that number, without NaN."""
    if sums.dtype.kind != "c":
        return sums * shares
    product = np.empty_like(sums)
    product.real, product.imag = sums.real * shares, sums.imag * shares
    return product


def _share_fill(spec: ConvSpec) -> int:
    """Return what the border holds for the shares of the weight: padding counts as valid."""
    return 1 if spec.operation == "conv" and spec.boundary == "constant" else 0


# -- weights that are not finite, beside zero padding --------------------------------------------------


def _infinite(spec: ConvSpec, first: Array, second: Array, bias: Array | None, out: Array) -> bool:
    """Compute with weights that are not finite, where zero padding contributes nothing even under them.

    Finite numbers give finite sums as always. To these is added what the others give: an infinity or NaN,
    found by counting which signs meet.
    """
    sums = plan_sums(spec, first, second, bias)
    finite = np.isfinite(second).all() and (spec.operation == "conv" or np.isfinite(first).all())
    if sums.dtype.kind != "f" or finite:
        return False
    exact = replace(spec, batch=1, out_dtype=sums.dtype, accuracy="strict")  # counts must be exact
    if spec.operation == "weight_grad":
        total = np.zeros(out.shape, sums.dtype)
        for n in range(spec.batch):
            with np.errstate(all="ignore"):
                total += _one_infinite(exact, first[n : n + 1], second[n : n + 1], None)
        out[...] = sums.finish(total)
        return True
    for n in range(spec.batch):
        out[n : n + 1] = sums.finish(_one_infinite(exact, first[n : n + 1], second, bias))
    return True


def _one_infinite(spec: ConvSpec, first: Array, second: Array, bias: Array | None) -> Array:
    """Return the result of one image."""
    if spec.fill != 0:  # a border of numbers as cells of the image, which may meet what is not finite
        axes = tuple(cut_axis(axis, range(axis.outputs), range(axis.taps), bare=False) for axis in spec.axes)
        first = _read(first, axes, spec.fill)
        spec = replace(spec, axes=tuple(one.axis for one in axes), fill=0)
    result = np.empty(spec.result_shape, spec.out_dtype)
    left, right = (np.where(np.isfinite(one), one, 0).astype(one.dtype) for one in (first, second))
    compute(spec, left, right, bias, result)  # which is always possible with finite numbers
    with np.errstate(all="ignore"):
        result += _marks(spec, first, second)
    return result


def _marks(spec: ConvSpec, first: Array, second: Array) -> Array:
    """Return what products that are not finite add to each result: 0, an infinity or NaN."""
    plain = np.dtype("float32")
    counting = replace(spec, bias_dtype=None, input_dtype=plain, weight_dtype=plain, out_dtype=plain)

    def met(cells: Array, weights: Array) -> Array:
        """Return whether any of these cells meets any of these weights."""
        count = np.empty(spec.result_shape, plain)
        compute(counting, cells.astype(plain), weights.astype(plain), None, count)
        return count > 0

    def endless(cells: Array, weights: Array) -> Array:
        """Return whether any product of these is infinite: one of its factors must be."""
        return met(cells & np.isinf(first), weights) | met(cells, weights & np.isinf(second))

    high = endless(first > 0, second > 0) | endless(first < 0, second < 0)
    low = endless(first > 0, second < 0) | endless(first < 0, second > 0)
    none = met(np.isinf(first), second == 0) | met(first == 0, np.isinf(second))
    none |= met(np.isnan(first), np.ones_like(second)) | met(np.ones_like(first), np.isnan(second))
    marks = np.where(high, np.inf, np.where(low, -np.inf, 0))
    return np.where(none | (high & low), np.nan, marks).astype(spec.out_dtype)
