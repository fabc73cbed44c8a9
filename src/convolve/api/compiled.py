"""Convolutions of canonical arrays by compiled code, into arrays that are there.

Every function returns False, and the result is not to be used, if the values of the weights forbid this way.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from convolve.api.regions import part_of
from convolve.compiler.plan import Arithmetic
from convolve.dtypes import Array, kind_of
from convolve.errors import ConvolveError
from convolve.exact import Sums, products_dtype
from convolve.reference import blocks
from convolve.runtime import engine, single
from convolve.runtime.arithmetic import decide
from convolve.runtime.execution import address_of
from convolve.runtime.transposed import Transposed, exchanged
from convolve.runtime.weight_gradient import WeightGradient
from convolve.spec import ConvSpec


def compute(spec: ConvSpec, first: Array, second: Array, bias: Array | None, out: Array) -> bool:
    """Compute a spec by one decision; False, and the result is not to be used, if values forbid it."""
    image, weight = _native(first), _native(second)
    if kind_of(products_dtype(spec)) == "complex":
        return _of_parts(spec, image, weight, bias, out)
    decision = decide(spec, (image, weight, bias))
    if decision is None:
        return False
    arithmetic, finish = decision.arithmetic, decision.finish
    sums = None if bias is None else bias.astype(arithmetic.sums, copy=False)
    if finish is None:
        return _run(spec, image, weight, sums, out, arithmetic)
    whole = np.empty_like(out, arithmetic.output)
    if not _run(spec, image, weight, sums, whole, arithmetic):
        return False
    out[...] = _finished(spec, finish, whole.astype(finish.dtype, copy=False))
    return True


def _finished(spec: ConvSpec, finish: Sums, sums: Array) -> Array:
    """Return sums as results; what is refused, the reference's blocks refuse one by one, in their order."""
    try:
        return finish.finish(sums)
    except ConvolveError:
        for place in _places(spec):
            finish.finish(sums[place])
        raise


def _places(spec: ConvSpec) -> Iterator[tuple[slice | int, ...]]:
    """Yield the places of the blocks in which the reference computes a result."""
    channels, size = spec.result_shape[1], spec.result_shape[2:]
    if spec.operation == "weight_grad":
        yield from itertools.product(range(spec.out_channels), range(channels))
        return
    each = channels // spec.groups
    for n, g, (first, last), region in blocks(spec.batch, spec.groups, each, size):
        yield n, slice(g * each + first, g * each + last), *(slice(*part) for part in region)


def _run(
    spec: ConvSpec, image: Array, weight: Array, bias: Array | None, out: Array, arithmetic: Arithmetic
) -> bool:
    """Compute a convolution of real numbers in given dtypes."""
    if spec.operation == "weight_grad":
        gradient = weight.astype(arithmetic.sums, copy=False)
        return WeightGradient(spec, image, gradient, arithmetic).run(image, gradient, out)
    run = _forward if spec.operation == "conv" else _transposed
    return run(spec, image, weight, bias, out, arithmetic)


def _of_parts(spec: ConvSpec, image: Array, weight: Array, bias: Array | None, out: Array) -> bool:
    """Compute a convolution of complex numbers by those of their real and imaginary parts."""
    total = np.zeros_like(out, products_dtype(spec))
    part = np.empty_like(out, total.real.dtype)
    if bias is not None:
        total += bias.reshape(-1, *[1] * spec.dims)
    for one, other in itertools.product(("real", "imag"), repeat=2):
        if _is_nothing(image, one, weight) or _is_nothing(weight, other, image):
            continue
        left, right = getattr(image, one), getattr(weight, other)
        real = single.of_real_numbers(spec, one)
        if not compute(real, left, right, None, part):
            return False
        place = total.real if one == other else total.imag
        with np.errstate(all="ignore"):
            np.subtract(place, part, out=place) if one == other == "imag" else np.add(place, part, out=place)
    with np.errstate(all="ignore"):
        out[...] = total
    return True


def _is_nothing(array: Array, part: str, other: Array) -> bool:
    """Whether a part of an array is zero and adds nothing to any sum, as it would next to infinities."""
    return part == "imag" and array.dtype.kind != "c" and bool(np.isfinite(other).all())


def _native(array: Array) -> Array:
    """Return an array in this machine's byte order: itself, or a converted copy."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _forward(
    spec: ConvSpec, given: Array, weight: Array, bias: Array | None, result: Array, arithmetic: Arithmetic
) -> bool:
    """Compute a forward convolution."""
    prepared = engine.prepare(spec, given, result, weight, arithmetic=arithmetic)
    ready, source = prepared.execution, prepared.source
    image, out = engine.seen(prepared.view, given), engine.seen(prepared.view, result)
    workspace = ready.borrow()
    try:
        workspace.packed.fill(address_of(source), source.strides, bias)
        if ready.needs_finite_weights and not workspace.packed.finite:
            return False
        done = workspace.run(address_of(image), address_of(out), ready.strides(image, out))
    finally:
        ready.give_back(workspace)
    return done or _mend(spec, given, weight, bias, result, arithmetic)


def _mend(
    spec: ConvSpec, given: Array, weight: Array, bias: Array | None, result: Array, arithmetic: Arithmetic
) -> bool:
    """Compute by the direct sum what is not finite: a transformed tile spreads that over all its outputs.

    Every output that is wrong is such a one, and an output's neighbours do not matter. Rows that hold any are
    computed as a region of the whole, whose bits do not depend on which rows these are.
    """
    strict = replace(spec, accuracy="strict")
    for n in range(spec.batch):
        bad = ~np.isfinite(result[n])
        rows = np.flatnonzero(bad.any(axis=(0, *range(2, bad.ndim))))
        if not len(rows):
            continue
        first, last = int(rows[0]), int(rows[-1]) + 1
        region = [(first, last), *((0, axis.outputs) for axis in spec.axes[1:])]
        part = part_of(strict, region, (n, n + 1))
        cells = part.read(given[n : n + 1])
        direct = np.empty_like(result[n : n + 1, :, first:last])
        if not _forward(part.spec, cells, weight, bias, direct, arithmetic):
            return False
        np.copyto(result[n, :, first:last], direct[0], where=bad[:, first:last])
    return True


def _transposed(
    spec: ConvSpec, image: Array, weight: Array, bias: Array | None, out: Array, arithmetic: Arithmetic
) -> bool:
    """Compute a transposed convolution."""
    ready = Transposed(spec, image, out, arithmetic)
    if run_transposed(ready, image, exchanged(spec, weight, arithmetic.sums), bias, out):
        return True
    strict = replace(spec, accuracy="strict")
    return spec != strict and _transposed(strict, image, weight, bias, out, arithmetic)


def run_transposed(ready: Transposed, image: Array, filters: Array, bias: Array | None, out: Array) -> bool:
    """Run a transposed convolution that was made ready, with exchanged weights."""
    workspaces = ready.borrow()
    try:
        packed = [one.packed for one in workspaces]
        ready.pack(packed, filters, bias)
        if not ready.allows(packed):
            return False
        return ready.run(workspaces, image, out, bias)
    finally:
        ready.give_back(workspaces)
