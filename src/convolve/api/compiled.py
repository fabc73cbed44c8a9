"""Convolutions of canonical arrays by compiled code, into arrays that are there.

Every function returns False, and the result is not to be used, if the values of the weights forbid this way.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from convolve.axis import source_cells
from convolve.compiler.subpixel import Positions, phases
from convolve.dtypes import Array
from convolve.runtime import engine, weight_gradient
from convolve.runtime.execution import address_of
from convolve.spec import ConvSpec


def compute(spec: ConvSpec, first: Array, second: Array, bias: Array | None, out: Array) -> bool:
    """Compute a spec for which `engine.why_not` has no reason not to."""
    image, weight = _native(first), _native(second)
    if spec.operation == "weight_grad":
        return weight_gradient.compute(spec, image, weight, out)
    sums = None if bias is None else bias.astype(spec.out_dtype, copy=False)
    return (_forward if spec.operation == "conv" else _transposed)(spec, image, weight, sums, out)


def _native(array: Array) -> Array:
    """Return an array in this machine's byte order: itself, or a converted copy."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _forward(spec: ConvSpec, image: Array, weight: Array, bias: Array | None, out: Array) -> bool:
    """Compute a forward convolution."""
    view = engine.view_of(spec, image, out, weight)
    ready = engine.ready(engine.question(spec, view))
    image, out = engine.seen(view, image), engine.seen(view, out)
    source = ready.source(engine.weights_of(spec, weight, view))
    workspace = ready.borrow()
    try:
        workspace.packed.fill(address_of(source), source.strides, bias)
        if ready.needs_finite_weights and not workspace.packed.finite:
            return False
        workspace.run(address_of(image), address_of(out), ready.strides(image, out))
    finally:
        ready.give_back(workspace)
    return True


def _transposed(spec: ConvSpec, image: Array, weight: Array, bias: Array | None, out: Array) -> bool:
    """Compute a transposed convolution phase by phase, then add what lands in the border where it belongs."""
    filters = _exchanged(spec, weight)
    inside = tuple(range(axis.size) for axis in spec.axes)
    if not _phases(spec, inside, image, filters, bias, out):
        return False
    for region in _border(spec, inside):
        strip = np.empty((*out.shape[:2], *map(len, region)), out.dtype)
        if not _phases(spec, region, image, filters, None, strip):
            return False
        cells = [
            source_cells(np.array(line), axis.size, axis.boundary)
            for line, axis in zip(region, spec.axes, strict=True)
        ]
        places: Any = (slice(None), slice(None), *np.ix_(*cells))
        with np.errstate(all="ignore"):  # infinite and NaN values are added as they are
            np.add.at(out, places, strip)
    return True


def _exchanged(spec: ConvSpec, weight: Array) -> Array:
    """Return the weight as plain convolutions of the other direction read it: input channels second."""
    turned = np.flip(weight, axis=tuple(range(2, weight.ndim))) if spec.flip else weight
    grouped = turned.reshape(spec.groups, -1, *turned.shape[1:]).swapaxes(1, 2)
    return grouped.reshape(-1, *grouped.shape[2:])


def _phases(
    spec: ConvSpec,
    region: tuple[Positions, ...],
    image: Array,
    filters: Array,
    bias: Array | None,
    out: Array,
) -> bool:
    """Compute a transposed convolution at some positions."""
    every = (slice(None), slice(None))
    found = list(phases(spec, region))
    if sum(math.prod(phase.spec.out_size) for phase in found) < math.prod(map(len, region)):
        out[...] = 0 if bias is None else bias.reshape(-1, *[1] * spec.dims)  # some have no tap
    return all(
        _forward(
            phase.spec,
            image[every + phase.source],
            filters[every + phase.taps],
            bias,
            out[every + phase.place],
        )
        for phase in found
    )


def _border(spec: ConvSpec, inside: tuple[Positions, ...]) -> Iterator[tuple[Positions, ...]]:
    """Yield the parts of the border that repeats the input: what lands there belongs to other cells."""
    if spec.boundary == "constant":
        return
    lines = [
        (range(-axis.before, 0), range(axis.size), range(axis.size, axis.size + axis.after))
        for axis in spec.axes
    ]
    for region in itertools.product(*lines):
        if region != inside and all(region):
            yield region
