"""Products of matrices: fully connected layers, and matrices of whole numbers."""

import math

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ShapeError
from convolve.nn.attributes import flag, real
from convolve.nn.casting import wider
from convolve.nn.operation import WHOLE, Back, Node, Operation, everything, table
from convolve.nn.operations.derivatives import summed_to
from convolve.nn.tensor import Shape, Tensor, broadcast, check_ndim, same_dtype


def product_shape(a: Tensor, b: Tensor) -> Shape:
    """Return the shape of a product of (stacks of) matrices, as `numpy.matmul` defines it."""
    check_ndim(a, 1, name="the left input")
    check_ndim(b, 1, name="the right input")
    inner = b.shape[-2] if b.ndim > 1 else b.shape[0]
    if a.shape[-1] != inner:
        raise ShapeError(
            f"the left input's columns must be as many as the right one's rows: {a.shape[-1]} are not "
            f"{inner} (shapes {a.shape} and {b.shape})"
        )
    stack = broadcast(a.like(a.shape[:-2]), b.like(b.shape[:-2]))
    rows = (a.shape[-2],) if a.ndim > 1 else ()
    columns = (b.shape[-1],) if b.ndim > 1 else ()
    return (*stack, *rows, *columns)


def _matmul_infer(_node: Node, a: Tensor, b: Tensor) -> Tensor:
    same_dtype(a, b)
    return a.like(product_shape(a, b))


def _matmul(_node: Node, a: Array, b: Array) -> Array:
    return np.asarray(np.matmul(wider(a), wider(b)), dtype=a.dtype)


def _matmul_back(back: Back) -> tuple[Array | None, ...]:
    a, b = back.inputs
    rows = a if a.ndim > 1 else a[None, :]
    columns = b if b.ndim > 1 else b[:, None]
    dy = back.dy if b.ndim > 1 else back.dy[..., None]
    dy = dy if a.ndim > 1 else np.expand_dims(dy, -2)
    into_a, into_b = None, None
    if back.wanted[0]:
        into_a = summed_to(np.matmul(dy, np.swapaxes(columns, -1, -2)), rows.shape).reshape(a.shape)
    if back.wanted[1]:
        into_b = summed_to(np.matmul(np.swapaxes(rows, -1, -2), dy), columns.shape).reshape(b.shape)
    return into_a, into_b


def _gemm_infer(node: Node, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    check_ndim(a, 2, 2, "the left input")
    check_ndim(b, 2, 2, "the right input")
    same_dtype(*(tensor for tensor in (a, b, c) if tensor is not None))
    left = a.shape[::-1] if node["transA"] else a.shape
    right = b.shape[::-1] if node["transB"] else b.shape
    if left[1] != right[0]:
        raise ShapeError(f"input has {left[1]} features but the weight expects {right[0]}; weight {b.shape}")
    result = a.like((left[0], right[1]))
    if c is not None and broadcast(c, result) != result.shape:
        raise ShapeError(f"bias must repeat to the result's shape {result.shape}, got {c.shape}")
    return result


def _gemm(node: Node, a: Array, b: Array, c: Array | None = None) -> Array:
    left, right = wider(a), wider(b)
    product = np.matmul(left.T if node["transA"] else left, right.T if node["transB"] else right)
    if node["alpha"] != 1:
        product = node["alpha"] * product
    if c is not None and node["beta"] != 0:
        product = product + (c if node["beta"] == 1 else node["beta"] * c)
    return np.asarray(product, dtype=a.dtype)


def _gemm_back(back: Back) -> tuple[Array | None, ...]:
    node, dy = back.node, back.dy
    a, b, c = (*back.inputs, None)[:3]
    scaled = dy if node["alpha"] == 1 else node["alpha"] * dy
    into_a, into_b, into_c = None, None, None
    if back.wanted[0]:
        right = b if node["transB"] else b.T
        into_a = np.matmul(right.T, scaled.T) if node["transA"] else np.matmul(scaled, right)
    if back.wanted[1]:
        left = a if node["transA"] else a.T
        into_b = np.matmul(scaled.T, left.T) if node["transB"] else np.matmul(left, scaled)
    if c is not None and back.wanted[2]:
        into_c = summed_to(dy if node["beta"] == 1 else node["beta"] * dy, c.shape)
    return into_a, into_b, into_c


def _integer_infer(
    _node: Node, a: Tensor, b: Tensor, _a_zero: Tensor | None = None, _b_zero: Tensor | None = None
) -> Tensor:
    return Tensor(np.dtype(np.int32), product_shape(a, b))


def per_row(zero: Array) -> Array:
    """Return zero points of the left matrix, of which there is one or one per row."""
    return zero.reshape(-1, 1) if zero.ndim == 1 and zero.size > 1 else zero


def _integer(
    _node: Node, a: Array, b: Array, a_zero: Array | None = None, b_zero: Array | None = None
) -> Array:
    left = a.astype(np.int32) - (0 if a_zero is None else per_row(a_zero).astype(np.int32))
    right = b.astype(np.int32) - (0 if b_zero is None else b_zero.astype(np.int32))
    return np.asarray(np.matmul(left, right), np.int32)


def multiply_adds(_node: Node, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> int:
    """Return the multiply-adds of a product of matrices."""
    return outputs[0].size * inputs[0].shape[-1]


def _gemm_multiply_adds(node: Node, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> int:
    return math.prod(outputs[0].shape) * inputs[0].shape[0 if node["transA"] else 1]


TABLE = table(
    Operation(
        "MatMul", (2, 2), _matmul_infer, _matmul, _matmul_back,
        weights=(0, 1), multiply_adds=multiply_adds, window=everything,
    ),
    Operation(
        "Gemm", (2, 3), _gemm_infer, _gemm, _gemm_back,
        attributes={"alpha": real(1.0), "beta": real(1.0), "transA": flag(), "transB": flag()},
        weights=(1, 2), multiply_adds=_gemm_multiply_adds, window=everything,
    ),
    Operation(
        "MatMulInteger", (2, 4), _integer_infer, _integer, WHOLE,
        weights=(1,), multiply_adds=multiply_adds, window=everything,
    ),
)  # fmt: skip
