"""Quantisation: real numbers as whole ones with a scale and a zero point, and back."""

import numpy as np

from convolve.dtypes import Array
from convolve.errors import DTypeError, ShapeError
from convolve.nn.attributes import dtype, flag, whole
from convolve.nn.casting import cast
from convolve.nn.operation import ROUNDED, Node, Operation, everything, table
from convolve.nn.operations.linear import multiply_adds, per_row, product_shape
from convolve.nn.quantising import quantised
from convolve.nn.tensor import Tensor, axis_of, check_float, is_float

UINT8 = np.dtype(np.uint8)


def _scale_shape(node: Node, x: Tensor, scale: Tensor, zero: Tensor | None) -> None:
    """Check that there is one scale, one per slice of a dimension, or one per block of it."""
    if zero is not None and zero.shape != scale.shape and max(zero.size, scale.size) != 1:
        raise ShapeError(f"zero point and scale must have one shape, got {zero.shape} and {scale.shape}")
    if scale.size == 1 and scale.ndim <= 1:
        return
    axis, block = axis_of(node["axis"], x.ndim), node["block_size"]
    if block:
        blocks = -(-x.shape[axis] // block)
        wanted = (*x.shape[:axis], blocks, *x.shape[axis + 1 :])
    else:
        wanted = (x.shape[axis],)
    if scale.shape != wanted:
        raise ShapeError(f"scale must be one number or have shape {wanted}, got {scale.shape}")


def spread(node: Node, numbers: Array, x: Array) -> Array:
    """Return scales or zero points so that they repeat over the input."""
    if numbers.size == 1 and numbers.ndim <= 1:
        return numbers.reshape(())
    axis = axis_of(node["axis"], x.ndim)
    if node["block_size"]:
        repeated = np.repeat(numbers, node["block_size"], axis=axis)
        return np.take(repeated, range(x.shape[axis]), axis=axis)
    return numbers.reshape([-1 if d == axis else 1 for d in range(x.ndim)])


def _quantise_infer(node: Node, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
    if x.dtype != np.int32:
        check_float(x)
    _scale_shape(node, x, scale, zero)
    if zero is not None and node["output_dtype"] not in (None, zero.dtype):
        raise DTypeError(f"output_dtype {node['output_dtype']} must be that of the zero point, {zero.dtype}")
    return x.like(dtype=(node["output_dtype"] or UINT8) if zero is None else zero.dtype)


def _quantise(node: Node, x: Array, scale: Array, zero: Array | None = None) -> Array:
    into = (node["output_dtype"] or UINT8) if zero is None else zero.dtype
    exact = np.dtype(node["precision"] or scale.dtype)
    with np.errstate(all="ignore"):
        numbers = x.astype(exact) / spread(node, scale, x).astype(exact)
    if is_float(into):
        return cast(numbers, into, node["saturate"])
    return quantised(numbers, 0 if zero is None else spread(node, zero, x), into)


def _dequantise_infer(node: Node, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
    check_float(scale, "scale")
    _scale_shape(node, x, scale, zero)
    return x.like(dtype=node["output_dtype"] or scale.dtype)


def _dequantise(node: Node, x: Array, scale: Array, zero: Array | None = None) -> Array:
    wide = np.float32 if is_float(x.dtype) or x.dtype.itemsize < 4 else np.float64
    numbers = x.astype(wide)
    if zero is not None:
        numbers = numbers - spread(node, zero, x).astype(wide)
    return np.asarray(numbers * spread(node, scale, x).astype(wide)).astype(
        node["output_dtype"] or scale.dtype
    )


def _dynamic_infer(_node: Node, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    check_float(x)
    return x.like(dtype=UINT8), x.like(()), Tensor(UINT8, ())


def _dynamic(_node: Node, x: Array) -> tuple[Array, Array, Array]:
    low, high = np.minimum(x.min(initial=0), 0), np.maximum(x.max(initial=0), 0)
    scale = np.asarray((high - low) / 255 if high > low else 1, dtype=x.dtype)
    zero = quantised(np.asarray(-low / scale), 0, UINT8)
    return quantised(x / scale, zero, UINT8), scale, zero


def _matmul_infer(
    _node: Node, a: Tensor, _a_scale: Tensor, _a_zero: Tensor, b: Tensor, *rest: Tensor
) -> Tensor:
    return Tensor(rest[-1].dtype, product_shape(a, b))


def _matmul(
    _node: Node,
    a: Array,
    a_scale: Array,
    a_zero: Array,
    b: Array,
    b_scale: Array,
    b_zero: Array,
    y_scale: Array,
    y_zero: Array,
) -> Array:
    left = a.astype(np.int32) - per_row(a_zero).astype(np.int32)
    right = b.astype(np.int32) - b_zero.astype(np.int32)
    scale = per_row(a_scale).astype(np.float32) * b_scale.astype(np.float32) / y_scale.astype(np.float32)
    return quantised(np.matmul(left, right) * scale, y_zero, y_zero.dtype)


TABLE = table(
    Operation(
        "QuantizeLinear",
        (2, 3),
        _quantise_infer,
        _quantise,
        ROUNDED,
        attributes={
            "axis": whole(1),
            "block_size": whole(0, least=0),
            "saturate": flag(True),
            "output_dtype": dtype(None),
            "precision": dtype(None),
        },
    ),
    Operation(
        "DequantizeLinear",
        (2, 3),
        _dequantise_infer,
        _dequantise,
        "it reads whole numbers; train before quantising",
        attributes={"axis": whole(1), "block_size": whole(0, least=0), "output_dtype": dtype(None)},
        weights=(0,),
    ),
    Operation(
        "DynamicQuantizeLinear", (1, 1), _dynamic_infer, _dynamic, ROUNDED, outputs=(1, 3), window=everything
    ),
    Operation(
        "QLinearMatMul",
        (8, 8),
        _matmul_infer,
        _matmul,
        ROUNDED,
        weights=(3,),
        multiply_adds=multiply_adds,
        window=everything,
    ),
)
