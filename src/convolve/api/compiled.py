"""Convolutions of canonical arrays by compiled code, into arrays that are there.

Every function returns False, and the result is not to be used, if the values of the weights forbid this way.
"""

from dataclasses import replace

from convolve.dtypes import Array
from convolve.runtime import engine
from convolve.runtime.execution import address_of
from convolve.runtime.transposed import Transposed, exchanged
from convolve.runtime.weight_gradient import WeightGradient
from convolve.spec import ConvSpec


def compute(spec: ConvSpec, first: Array, second: Array, bias: Array | None, out: Array) -> bool:
    """Compute a spec for which `engine.why_not` has no reason not to."""
    image, weight = _native(first), _native(second)
    if spec.operation == "weight_grad":
        gradient = weight.astype(spec.out_dtype, copy=False)
        return WeightGradient(spec, image, gradient).run(image, gradient, out)
    sums = None if bias is None else bias.astype(spec.out_dtype, copy=False)
    return (_forward if spec.operation == "conv" else _transposed)(spec, image, weight, sums, out)


def _native(array: Array) -> Array:
    """Return an array in this machine's byte order: itself, or a converted copy."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _forward(spec: ConvSpec, given: Array, weight: Array, bias: Array | None, result: Array) -> bool:
    """Compute a forward convolution."""
    prepared = engine.prepare(spec, given, result, weight)
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
    return done or _forward(replace(spec, accuracy="strict"), given, weight, bias, result)


def _transposed(spec: ConvSpec, image: Array, weight: Array, bias: Array | None, out: Array) -> bool:
    """Compute a transposed convolution."""
    ready = Transposed(spec, image, out)
    if run_transposed(ready, image, exchanged(spec, weight), bias, out):
        return True
    strict = replace(spec, accuracy="strict")
    return spec != strict and _transposed(strict, image, weight, bias, out)


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
