"""What gradients share: derivatives of single cells, and sums over cells to which one number was repeated."""

from collections.abc import Callable
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.nn.operation import Back, Gradient, Node
from convolve.nn.tensor import Shape

Slope = Callable[[Node, Array, Array], Any]
"""(node, x, y) -> dy/dx of every cell."""


def summed_to(gradient: Array, shape: Shape) -> Array:
    """Return the gradient of an array that was repeated to a larger shape.

    Parameters
    ----------
    gradient
        Of the larger shape.
    shape
        The array's own.

    Examples
    --------
    >>> import numpy as np
    >>> summed_to(np.ones((2, 3)), (3,)).tolist()
    [2.0, 2.0, 2.0]
    """
    if gradient.shape == shape:
        return gradient
    extra = gradient.ndim - len(shape)
    once = [d for d, size in enumerate(shape, extra) if size == 1 and gradient.shape[d] != 1]
    return np.asarray(gradient.sum(axis=(*range(extra), *once))).reshape(shape)


def slope(function: Slope) -> Gradient:
    """Return the gradient of an operation whose every cell depends on one cell."""
    return lambda back: (back.dy * function(back.node, back.inputs[0], back.outputs[0]),)


def flat(back: Back) -> tuple[Array]:
    """Return the gradient of a function that is constant but for its jumps: 0."""
    return (np.zeros_like(back.inputs[0]),)


def passed(back: Back) -> tuple[Array]:
    """Return the gradient of an operation that gives the same cells, perhaps in another shape."""
    return (back.dy.reshape(back.inputs[0].shape),)


def each(*functions: Callable[[Back], Any]) -> Gradient:
    """Return the gradient of an operation on arrays that repeat to one shape, from one function per input."""

    def gradient(back: Back) -> list[Array | None]:
        return [
            summed_to(function(back), np.shape(x)) if wanted else None
            for function, x, wanted in zip(functions, back.inputs, back.wanted, strict=False)
        ]

    return gradient


def shared(back: Back) -> list[Array]:
    """Return the gradient of the largest or least of several arrays: equal ones share it."""
    y = back.outputs[0]
    chosen = [x == y for x in back.inputs]
    part = back.dy / np.maximum(sum(mask.astype(y.dtype) for mask in chosen), 1)
    return [summed_to(np.where(mask, part, 0), x.shape) for mask, x in zip(chosen, back.inputs, strict=True)]


def along(x: Array, axis: int, matrix: Array) -> Array:
    """Return an array whose one dimension is multiplied by a matrix (cells before, cells after)."""
    typed = matrix.astype(x.dtype, copy=False)
    return np.moveaxis(np.tensordot(x, typed, axes=([axis], [0])), -1, axis)


def factors_of_product(x: Array, product: Array, zeros: Array) -> Array:
    """Return, for every factor, the product of all others.

    Parameters
    ----------
    x
        Factors.
    product
        The product of those that are not 0, repeated to them.
    zeros
        How many are 0.
    """
    others = np.where(x == 0, product, product / np.where(x == 0, 1, x))
    return np.where(zeros == (x == 0), others, 0)
