"""Convolutions, pooling, and products with matrices that are known: these are convolutions of one tap."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from convolve.arguments import conv_spec
from convolve.dtypes import Array
from convolve.nn.compiled.actions import Convolve, Operand, Pool, Transposed
from convolve.nn.compiled.draft import FLOAT, Draft
from convolve.nn.operation import Node
from convolve.nn.operations.convolution import stand_in, transposed_options
from convolve.nn.operations.pooling import window_options
from convolve.nn.operations.windows import options
from convolve.nn.tensor import Shape, Tensor
from convolve.pooling import pool
from convolve.runtime import single
from convolve.spec import ConvSpec, Operation


def conv(draft: Draft, node: Node) -> bool:
    """Conv with weights that are known."""
    x, weight, bias = (*node.inputs, "")[:3]
    filters, sums = draft.value(weight), draft.value(bias) if bias else None
    if filters is None or (bias and sums is None):
        return False
    dims = filters.ndim - 2
    how = options(node, dims)
    return _convolve(draft, node, (Operand(x), draft.shape(x)), filters, sums, Operand(node.outputs[0]), how)


def _convolve(
    draft: Draft,
    node: Node,
    source: tuple[Operand, Shape],
    filters: Array,
    bias: Array | None,
    out: Operand,
    how: dict[str, Any],
    kind: type[Convolve] = Convolve,
) -> bool:
    """Write a convolution, unless it must be cut or converted."""
    x, shape = source

    def spec_of(shape: Shape) -> ConvSpec:
        operation: Operation = "conv_transpose" if kind is Transposed else "conv"
        image = stand_in(Tensor(FLOAT, shape))
        dims = filters.ndim - 2
        return conv_spec(operation, dims, image, filters, bias, **how, accuracy=draft.accuracy).spec

    spec = spec_of(shape)
    if not single.is_single(spec):
        return False
    rows = shape[0] == 1 and x.shape is not None  # those of a matrix lie along the last dimension
    larger = (*shape[:-1], draft.in_whole(shape[-1])) if rows else (draft.in_whole(shape[0]), *shape[1:])
    if larger != shape and kind is not Transposed:
        spec = replace(spec, whole=spec_of(larger))
    draft.add(kind((node,), x, out, spec, filters, bias, node.outputs[0], how))
    return True


def conv_transpose(draft: Draft, node: Node) -> bool:
    """ConvTranspose with weights that are known."""
    x, weight, bias = (*node.inputs, "")[:3]
    filters, sums = draft.value(weight), draft.value(bias) if bias else None
    if filters is None or (bias and sums is None):
        return False
    how = transposed_options(node, draft.shape(x)[2:], filters.shape[2:])
    out = Operand(node.outputs[0])
    return _convolve(draft, node, (Operand(x), draft.shape(x)), filters, sums, out, how, Transposed)


def gemm(draft: Draft, node: Node) -> bool:
    """Gemm of rows with a matrix that is known."""
    a, b, c = (*node.inputs, "")[:3]
    matrix, shift = draft.value(b), draft.value(c) if c else None
    if matrix is None or node["transA"] or (c and shift is None):
        return False
    filters = matrix if node["transB"] else matrix.T
    if node["alpha"] != 1:
        filters = FLOAT.type(node["alpha"]) * filters
    bias = None
    if shift is not None and node["beta"] != 0:
        if shift.size not in (1, len(filters)) or shift.shape[-1:] != (shift.size,) * min(1, shift.ndim):
            return False
        bias = np.broadcast_to(FLOAT.type(node["beta"]) * shift.reshape(-1), (len(filters),))
    return _rows(draft, node, a, filters, bias)


def matmul(draft: Draft, node: Node) -> bool:
    """MatMul of anything with a matrix that is known."""
    a, b = node.inputs
    matrix = draft.value(b)
    if matrix is None or matrix.ndim != 2 or len(draft.shape(a)) < 2:
        return False
    return _rows(draft, node, a, matrix.T, None)


def _rows(draft: Draft, node: Node, x: str, filters: Array, bias: Array | None) -> bool:
    """Multiply the rows of a tensor: pixels of one line, whose features are channels that lie together."""
    features = draft.shape(x)[-1]
    rows = math.prod(draft.shape(x)) // features
    order = (0, 3, 1, 2)
    source = Operand(x, (1, 1, rows, features), order)
    out = Operand(node.outputs[0], (1, 1, rows, len(filters)), order)
    whole = filters.reshape(*filters.shape, 1, 1)
    return _convolve(draft, node, (source, (1, features, 1, rows)), whole, bias, out, {})


def batch_norm(draft: Draft, node: Node) -> bool:
    """BatchNormalization: into the weights of the convolution before it, else a factor and a shift."""
    x, *numbers = node.inputs
    known = [draft.value(name) for name in numbers]
    if any(one is None for one in known):
        return False
    scale, shift, mean, variance = (np.asarray(one, np.float64) for one in known)
    factor = scale / np.sqrt(variance + node["epsilon"])
    offset = shift - mean * factor
    return scaled(draft, node, x, factor, offset)


def scaled(draft: Draft, node: Node, x: str, factor: Array, offset: Array) -> bool:
    """Multiply every channel and add to it, in the convolution that makes it or in a pass."""
    out, before = node.outputs[0], draft.convolution_before(x)
    if before is not None and (before.spec.groups == 1 or not isinstance(before, Transposed)):
        bias = offset if before.bias is None else before.bias * factor + offset
        after = replace(
            before,
            nodes=(*before.nodes, node),
            out=Operand(out),
            bias=np.asarray(bias, FLOAT),
            key=out,
            spec=replace(before.spec, bias_dtype=FLOAT),
            factor=np.asarray(factor if before.factor is None else before.factor * factor, FLOAT),
        )
        draft.replace(before, after)
        return True
    each = (-1,) + (1,) * (len(draft.shape(x)) - 2)
    times, plus = (draft.constant(one.reshape(each)) for one in (factor, offset))
    return draft.compute(node, lambda write, x, a, b: write("fma", x, a, b), (x, times, plus), out)


def max_pool(draft: Draft, node: Node) -> bool:
    """MaxPool without the places of its maxima."""
    return _windows(draft, node, "max", False)


def average_pool(draft: Draft, node: Node) -> bool:
    """AveragePool."""
    return _windows(draft, node, "mean", node["count_include_pad"])


def _windows(draft: Draft, node: Node, kind: str, include_padding: bool) -> bool:
    dims = len(draft.shape(node.inputs[0])) - 2
    taps, how = node["kernel_shape"], window_options(node, dims)
    x, out = Operand(node.inputs[0]), Operand(node.outputs[0])
    draft.add(Pool((node,), x, out, kind, lambda image: pool(dims, image, taps, **how), include_padding))
    return True


def global_average(draft: Draft, node: Node) -> bool:
    """GlobalAveragePool."""
    return over_rows(draft, node, node.inputs[0], 2, "mean", node.outputs[0])


def global_max(draft: Draft, node: Node) -> bool:
    """GlobalMaxPool."""
    return over_rows(draft, node, node.inputs[0], 2, "max", node.outputs[0])


def over_rows(draft: Draft, node: Node, x: str, axis: int, kind: str, out: str) -> bool:
    """Reduce all numbers along the dimensions from ``axis`` on to the largest, the mean or the sum."""
    shape = draft.shape(x)
    row = math.prod(shape[axis:])
    count = math.prod(shape[:axis])
    source, target = Operand(x, (1, count, 1, row)), Operand(out, (1, count, 1, 1))
    mean, divisor = ("max" if kind == "max" else "mean"), (1 if kind == "sum" else None)
    draft.add(Pool((node,), source, target, mean, lambda image: pool(2, image, (1, row)), divisor=divisor))
    return True


def reduce_mean(draft: Draft, node: Node) -> bool:
    """ReduceMean over the last dimensions."""
    x, axes = (*node.inputs, "")[:2]
    given, ndim = draft.value(axes) if axes else None, len(draft.shape(x))
    if given is None or not given.size:
        return False
    found = sorted(int(one) % ndim for one in given.reshape(-1))
    if found != list(range(ndim - len(found), ndim)):
        return False
    return over_rows(draft, node, x, found[0], "mean", node.outputs[0])


RULES = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Gemm": gemm,
    "MatMul": matmul,
    "BatchNormalization": batch_norm,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average,
    "GlobalMaxPool": global_max,
    "ReduceMean": reduce_mean,
}
