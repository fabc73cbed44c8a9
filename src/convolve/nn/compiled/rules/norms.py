"""Normalisations over neighbours, rows and maps: poolings, and passes that use what these found."""

import math

import numpy as np

from convolve.compiler import formulas
from convolve.compiler.expressions import Value, Writer
from convolve.nn.compiled.actions import Operand, Pool
from convolve.nn.compiled.draft import Draft
from convolve.nn.compiled.rules.products import over_rows
from convolve.nn.operation import Node
from convolve.nn.tensor import axis_of
from convolve.pooling import pool

ROOTS = {1.0: (), 0.75: (0.5, 0.25), 0.5: (0.5,)}
"""Exponent -> the roots whose product is the power: 0.75 is that of AlexNet and of those after it."""


def local_response(draft: Draft, node: Node) -> bool:
    """LRN: the sum over neighbouring channels is a pooling of squares, seen with channels as rows."""
    (x,), beta, size = node.inputs, node["beta"], node["size"]
    shape = draft.shape(x)
    if beta not in ROOTS or len(shape) < 3:
        return False
    squares, sums = draft.temporary(shape), draft.temporary(shape)
    draft.compute(node, lambda write, x: write("multiply", x, x), (x,), squares)
    seen = (shape[0], 1, shape[1], math.prod(shape[2:]))
    before = (size - 1) // 2
    padding = ((before, size - 1 - before), (0, 0))
    draft.add(
        Pool(
            (node,),
            Operand(squares, seen),
            Operand(sums, seen),
            "mean",
            lambda image: pool(2, image, (size, 1), stride=1, padding=padding),
            divisor=1,
        )
    )

    def formula(write: Writer, x: Value, total: Value) -> Value:
        base = write("fma", total, node["alpha"] / size, node["bias"])
        return write("divide", x, _power(write, base, beta))

    return draft.compute(node, formula, (x, sums), node.outputs[0])


def _power(write: Writer, base: Value, exponent: float) -> Value:
    """Return a power of a positive number by square roots."""
    if exponent == 1:
        return base
    root = write("square_root", base)
    return root if exponent == 0.5 else write("multiply", root, write("square_root", root))


def softmax(draft: Draft, node: Node) -> bool:
    """Softmax over the last dimension that holds more than one number."""
    (x,) = node.inputs
    shape = draft.shape(x)
    axis = axis_of(node["axis"], len(shape)) if shape else 0
    if not shape or math.prod(shape[axis + 1 :]) != 1:
        return False
    rows = (*shape[:axis],) + (1,) * (len(shape) - axis)
    largest, powers, sums = draft.temporary(rows), draft.temporary(shape), draft.temporary(rows)
    over_rows(draft, node, x, axis, "max", largest)
    draft.compute(
        node, lambda write, x, top: formulas.exp(write, write("subtract", x, top)), (x, largest), powers
    )
    over_rows(draft, node, powers, axis, "sum", sums)
    return draft.compute(
        node, lambda write, x, total: write("divide", x, total), (powers, sums), node.outputs[0]
    )


def layer_norm(draft: Draft, node: Node) -> bool:
    """LayerNormalization without its statistics."""
    x, scale, shift = (*node.inputs, "")[:3]
    if node.attributes.get("stash_type", 1) != 1:
        return False
    axis = axis_of(node["axis"], len(draft.shape(x)))
    return _standardised(draft, node, x, axis, (scale, shift))


def instance_norm(draft: Draft, node: Node) -> bool:
    """InstanceNormalization with factors and shifts that are known."""
    x, *names = node.inputs
    known = [draft.value(name) for name in names]
    if any(one is None for one in known):
        return False
    each = (-1,) + (1,) * (len(draft.shape(x)) - 2)
    numbers = [draft.constant(np.asarray(one).reshape(each)) for one in known]
    return _standardised(draft, node, x, 2, (numbers[0], numbers[1]))


def _standardised(draft: Draft, node: Node, x: str, axis: int, numbers: tuple[str, str]) -> bool:
    """Bring every run of numbers from ``axis`` on to mean 0 and variance 1, then multiply and add."""
    shape = draft.shape(x)
    rows = (*shape[:axis],) + (1,) * (len(shape) - axis)
    mean, variance = draft.temporary(rows), draft.temporary(rows)
    centred, squares = draft.temporary(shape), draft.temporary(shape)
    over_rows(draft, node, x, axis, "mean", mean)
    draft.compute(node, lambda write, x, mean: write("subtract", x, mean), (x, mean), centred)
    draft.compute(node, lambda write, x: write("multiply", x, x), (centred,), squares)
    over_rows(draft, node, squares, axis, "mean", variance)

    def formula(write: Writer, x: Value, variance: Value, scale: Value, shift: Value = 0.0) -> Value:
        normal = write("divide", x, write("square_root", write("add", variance, node["epsilon"])))
        return write("fma", normal, scale, shift)

    given = (centred, variance, *(name for name in numbers if name))
    return draft.compute(node, formula, given, node.outputs[0])


RULES = {
    "LRN": local_response,
    "Softmax": softmax,
    "LayerNormalization": layer_norm,
    "InstanceNormalization": instance_norm,
}
