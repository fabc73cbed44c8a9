"""Operations on single numbers: activations and arithmetic, each a formula."""

import math
from collections.abc import Callable

import numpy as np

from convolve.compiler import formulas
from convolve.compiler.expressions import Formula, Value, Writer
from convolve.dtypes import Array
from convolve.nn.compiled.draft import Draft
from convolve.nn.compiled.rules.products import scaled
from convolve.nn.operation import Node

Rule = Callable[[Draft, Node], bool]


def _of(formula: Formula) -> Rule:
    """Return the rule of an operation without attributes."""
    return lambda draft, node: draft.compute(node, formula, node.inputs, node.outputs[0])


def _with(formula: Formula, **names: str) -> Rule:
    """Return the rule of an operation whose attributes are parameters of the formula, by these names."""

    def rule(draft: Draft, node: Node) -> bool:
        given = {name: float(node[attribute]) for name, attribute in names.items()}
        return draft.compute(
            node, lambda write, *values: formula(write, *values, **given), node.inputs, node.outputs[0]
        )

    return rule


def _all(operation: str) -> Rule:
    """Return the rule of an operation that combines any number of tensors from the left."""

    def formula(write: Writer, first: Value, *others: Value) -> Value:
        for other in others:
            first = write(operation, first, other)
        return first

    return _of(formula)


def _clip(draft: Draft, node: Node) -> bool:
    x, *limits = node.inputs
    given = [draft.value(name) if name else None for name in (*limits, "", "")[:2]]
    if any(name and one is None for name, one in zip(limits, given, strict=False)):
        return False
    low, high = (
        end if one is None else float(one.reshape(-1)[0])
        for one, end in zip(given, (-math.inf, math.inf), strict=True)
    )
    return draft.compute(node, lambda write, x: formulas.clip(write, x, low, high), (x,), node.outputs[0])


def _gelu(draft: Draft, node: Node) -> bool:
    formula = formulas.gelu_by_tanh if node["approximate"] == "tanh" else formulas.gelu
    return draft.compute(node, formula, node.inputs, node.outputs[0])


def _swish(write: Writer, x: Value, alpha: float) -> Value:
    inner = x if alpha == 1 else write("multiply", x, alpha)
    return write("multiply", x, formulas.sigmoid(write, inner))


def _power(draft: Draft, node: Node) -> bool:
    """Pow with an exponent that takes no logarithm."""
    x, exponent = node.inputs
    given = draft.value(exponent)
    if given is None or given.size != 1 or float(given.reshape(-1)[0]) not in POWERS:
        return False
    return draft.compute(node, POWERS[float(given.reshape(-1)[0])], (x,), node.outputs[0])


POWERS: dict[float, Formula] = {
    1.0: lambda write, x: write("copy", x),
    2.0: lambda write, x: write("multiply", x, x),
    3.0: lambda write, x: write("multiply", write("multiply", x, x), x),
    0.5: lambda write, x: write("square_root", x),
}
"""Exponent -> formula."""


def _per_channel(draft: Draft, x: str, other: str) -> Array | None:
    """Return known numbers, one for each channel of what a convolution makes, if they are that."""
    before, numbers = draft.convolution_before(x), draft.value(other)
    if before is None or numbers is None:
        return None
    shape, ndim = draft.shape(x), len(draft.shape(x))
    each = (shape[1],) + (1,) * (ndim - 2)
    given = numbers.shape[1:] if numbers.ndim == ndim and numbers.shape[0] == 1 else numbers.shape
    if given != each:
        return None
    return np.asarray(numbers.reshape(-1), np.float64)


def _affine(operation: str) -> Rule:
    """Return the rule of Add or Mul: numbers of each channel go into the convolution before."""
    plain = _all(operation)

    def rule(draft: Draft, node: Node) -> bool:
        for x, other in (node.inputs, node.inputs[::-1]):
            numbers = _per_channel(draft, x, other)
            if numbers is not None:
                ones, zeros = np.ones(numbers.size), np.zeros(numbers.size)
                pair = (ones, numbers) if operation == "add" else (numbers, zeros)
                return scaled(draft, node, x, *pair)
        return plain(draft, node)

    return rule


RULES: dict[str, Rule] = {
    "Relu": _of(formulas.relu),
    "LeakyRelu": _with(formulas.leaky_relu, slope="alpha"),
    "PRelu": _of(formulas.leaky_relu),
    "Clip": _clip,
    "Sigmoid": _of(formulas.sigmoid),
    "HardSigmoid": _with(formulas.hard_sigmoid, alpha="alpha", beta="beta"),
    "HardSwish": _of(formulas.hard_swish),
    "Swish": _with(_swish, alpha="alpha"),
    "Gelu": _gelu,
    "Elu": _with(formulas.elu, alpha="alpha"),
    "Tanh": _of(formulas.tanh),
    "Erf": _of(formulas.erf),
    "Exp": _of(formulas.exp),
    "Sqrt": _of(lambda write, x: write("square_root", x)),
    "Neg": _of(lambda write, x: write("subtract", -0.0, x)),
    "Reciprocal": _of(lambda write, x: write("divide", 1.0, x)),
    "Abs": _of(lambda write, x: write("larger", x, write("subtract", 0.0, x))),
    "Pow": _power,
    "Add": _affine("add"),
    "Mul": _affine("multiply"),
    "Sub": _all("subtract"),
    "Div": _all("divide"),
    "Sum": _all("add"),
    "Max": _all("larger"),
    "Min": _all("smaller"),
}
