"""Activations: what is done to every cell of a feature map, and softmax over one dimension."""

import math

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ShapeError
from convolve.nn.attributes import choice, real, whole
from convolve.nn.erf import erf
from convolve.nn.operation import Forward, Node, Operation, everything, table
from convolve.nn.operations.elementwise import kept, same, unary
from convolve.nn.tensor import Tensor, axis_of, broadcast, check_float, same_dtype


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(−x)), without overflow on either side."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1 / (1 + small), small / (1 + small)), dtype=x.dtype)


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x)), without overflow."""
    return np.asarray(np.logaddexp(x, np.zeros((), x.dtype)), dtype=x.dtype)


def _gelu(node: Node, x: Array) -> Array:
    if node["approximate"] == "tanh":
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
        return np.asarray(0.5 * x * (1 + np.tanh(inner)))
    return np.asarray(0.5 * x * (1 + erf(x * math.sqrt(0.5))))


def _elu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _celu(node: Node, x: Array) -> Array:
    low = node["alpha"] * np.expm1(np.minimum(x, 0) / node["alpha"])
    return np.asarray(np.maximum(x, 0) + np.minimum(0, low))


def _selu(node: Node, x: Array) -> Array:
    return np.asarray(node["gamma"] * _elu(x, node["alpha"]))


def _hard_sigmoid(node: Node, x: Array) -> Array:
    return np.asarray(np.clip(node["alpha"] * x + node["beta"], 0, 1))


def _hard_swish(_node: Node, x: Array) -> Array:
    return np.asarray(x * np.clip(x / 6 + 0.5, 0, 1))


def _shrink(node: Node, x: Array) -> Array:
    bias, limit = node["bias"], node["lambd"]
    return np.where(x < -limit, x + bias, np.where(x > limit, x - bias, np.zeros((), x.dtype)))


def _prelu_infer(_node: Node, x: Tensor, slope: Tensor) -> Tensor:
    same_dtype(x, slope)
    if broadcast(x, slope) != x.shape:
        raise ShapeError(f"slope must repeat to the input's shape {x.shape}, got {slope.shape}")
    return x.like()


def _prelu(_node: Node, x: Array, slope: Array) -> Array:
    return np.where(x < 0, x * slope, x)


def _clip_infer(_node: Node, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    for name, limit in (("min", low), ("max", high)):
        if limit is not None:
            same_dtype(x, limit)
            if limit.size != 1:
                raise ShapeError(f"{name} must be one number, got shape {limit.shape}")
    return x.like()


def _clip(_node: Node, x: Array, low: Array | None = None, high: Array | None = None) -> Array:
    if low is not None:
        x = np.maximum(x, low.reshape(()))
    return x if high is None else np.asarray(np.minimum(x, high.reshape(())))


def _along_axis_infer(node: Node, x: Tensor) -> Tensor:
    check_float(x)
    if x.ndim:
        axis_of(node["axis"], x.ndim)
    return x.like()


def _log_softmax(node: Node, x: Array) -> Array:
    if not x.size:
        return x
    axis = node["axis"] if x.ndim else None
    low = x - np.max(x, axis=axis, keepdims=True)
    return np.asarray(low - np.log(np.sum(np.exp(low), axis=axis, keepdims=True)))


def _softmax(node: Node, x: Array) -> Array:
    if not x.size:
        return x
    axis = node["axis"] if x.ndim else None
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return np.asarray(powers / np.sum(powers, axis=axis, keepdims=True))


def _hardmax(node: Node, x: Array) -> Array:
    result = np.zeros_like(x)
    if x.size:
        best = np.expand_dims(np.argmax(x, axis=node["axis"]), node["axis"])
        np.put_along_axis(result, best, np.ones((), x.dtype), axis=node["axis"])
    return result


def _over_axis(name: str, forward: Forward) -> Operation:
    return Operation(
        name, (1, 1), _along_axis_infer, forward, attributes={"axis": whole(-1)}, window=everything
    )


TABLE = table(
    unary("Relu", lambda _, x: np.maximum(x, 0), floats=False),
    unary("LeakyRelu", lambda node, x: np.where(x < 0, node["alpha"] * x, x), alpha=real(0.01)),
    unary("Elu", lambda node, x: _elu(x, node["alpha"]), alpha=real(1.0)),
    unary("Selu", _selu, alpha=real(1.67326319217681884765625), gamma=real(1.05070102214813232421875)),
    unary("Celu", _celu, alpha=real(1.0)),
    unary("ThresholdedRelu", lambda node, x: np.where(x > node["alpha"], x, 0), alpha=real(1.0)),
    unary("Shrink", _shrink, floats=False, bias=real(0.0), lambd=real(0.5)),
    unary("Sigmoid", lambda _, x: sigmoid(x)),
    unary("HardSigmoid", _hard_sigmoid, alpha=real(0.2), beta=real(0.5)),
    unary("HardSwish", _hard_swish),
    unary("Swish", lambda node, x: x * sigmoid(node["alpha"] * x), alpha=real(1.0)),
    unary("Mish", lambda _, x: x * np.tanh(softplus(x))),
    unary("Gelu", _gelu, approximate=choice("none", "none", "tanh")),
    unary("Erf", lambda _, x: erf(x), floats=False),
    unary("Tanh", lambda _, x: np.tanh(x)),
    unary("Softplus", lambda _, x: softplus(x)),
    unary("Softsign", lambda _, x: x / (1 + np.abs(x))),
    Operation("PRelu", (2, 2), _prelu_infer, _prelu, weights=(1,)),
    Operation("Clip", (1, 3), _clip_infer, _clip),
    _over_axis("Softmax", kept(_softmax)),
    _over_axis("LogSoftmax", kept(_log_softmax)),
    _over_axis("Hardmax", _hardmax),
    Operation("Identity", (1, 1), same, lambda _, x: x),
)
