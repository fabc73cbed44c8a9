"""Activations: what is done to every cell of a feature map, and softmax over one dimension."""

import math

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ShapeError
from convolve.nn.attributes import choice, real, whole
from convolve.nn.erf import erf
from convolve.nn.operation import Back, Forward, Gradient, Node, Operation, everything, table
from convolve.nn.operations.derivatives import passed, slope, summed_to
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


def _gelu_slope(node: Node, x: Array, _y: Array) -> Array:
    if node["approximate"] == "tanh":
        root = math.sqrt(2 / math.pi)
        tanh = np.tanh(root * (x + 0.044715 * x * x * x))
        inner = root * (1 + 3 * 0.044715 * x * x)
        return np.asarray(0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * inner)
    bell = np.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
    return np.asarray(0.5 * (1 + erf(x * math.sqrt(0.5))) + x * bell)


def _elu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _elu_slope(x: Array, alpha: float) -> Array:
    return np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))


def _celu(node: Node, x: Array) -> Array:
    low = node["alpha"] * np.expm1(np.minimum(x, 0) / node["alpha"])
    return np.asarray(np.maximum(x, 0) + np.minimum(0, low))


def _selu(node: Node, x: Array) -> Array:
    return np.asarray(node["gamma"] * _elu(x, node["alpha"]))


def _hard_sigmoid(node: Node, x: Array) -> Array:
    return np.asarray(np.clip(node["alpha"] * x + node["beta"], 0, 1))


def _hard_swish(_node: Node, x: Array) -> Array:
    return np.asarray(x * np.clip(x / 6 + 0.5, 0, 1))


def _hard_swish_slope(_node: Node, x: Array, _y: Array) -> Array:
    return np.where(x < -3, 0, np.where(x <= 3, x / 3 + 0.5, 1))


def _hard_sigmoid_slope(node: Node, x: Array, _y: Array) -> Array:
    line = node["alpha"] * x + node["beta"]
    return np.where((line > 0) & (line < 1), node["alpha"], 0)


def _swish_slope(node: Node, x: Array, _y: Array) -> Array:
    gate = sigmoid(node["alpha"] * x)
    return np.asarray(gate * (1 + node["alpha"] * x * (1 - gate)))


def _mish_slope(_node: Node, x: Array, _y: Array) -> Array:
    gate = np.tanh(softplus(x))
    return np.asarray(gate + x * (1 - gate * gate) * sigmoid(x))


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


def _prelu_back(back: Back) -> tuple[Array, Array]:
    x, by = back.inputs
    into_slope = np.where(x < 0, back.dy * x, 0)
    return np.where(x > 0, back.dy, back.dy * by), summed_to(into_slope, by.shape)


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


def _clip_back(back: Back) -> list[Array | None]:
    x, low, high = (*back.inputs, None, None)[:3]
    raised = np.zeros(x.shape, bool) if low is None else x < low.reshape(())
    cut = np.zeros(x.shape, bool) if high is None else np.where(raised, low, x) > high.reshape(())
    limits = ((low, raised & ~cut), (high, cut))
    sums = [None if one is None else np.sum(back.dy[mask]).reshape(one.shape) for one, mask in limits]
    return [np.where(raised | cut, 0, back.dy), *sums]


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


def _softmax_back(back: Back) -> tuple[Array]:
    y = back.outputs[0]
    axis = back.node["axis"] if y.ndim else None
    return (y * (back.dy - np.sum(back.dy * y, axis=axis, keepdims=True)),)


def _log_softmax_back(back: Back) -> tuple[Array]:
    y = back.outputs[0]
    axis = back.node["axis"] if y.ndim else None
    return (back.dy - np.exp(y) * np.sum(back.dy, axis=axis, keepdims=True),)


def _hardmax(node: Node, x: Array) -> Array:
    result = np.zeros_like(x)
    if x.size:
        best = np.expand_dims(np.argmax(x, axis=node["axis"]), node["axis"])
        np.put_along_axis(result, best, np.ones((), x.dtype), axis=node["axis"])
    return result


def _over_axis(name: str, forward: Forward, gradient: Gradient | str) -> Operation:
    attributes = {"axis": whole(-1)}
    return Operation(name, (1, 1), _along_axis_infer, forward, gradient, attributes, window=everything)


TABLE = table(
    unary("Relu", lambda _, x: np.maximum(x, 0), slope(lambda _, x, y: x > 0), floats=False),
    unary(
        "LeakyRelu",
        lambda node, x: np.where(x < 0, node["alpha"] * x, x),
        slope(lambda node, x, y: np.where(x > 0, 1, node["alpha"])),
        alpha=real(0.01),
    ),
    unary(
        "Elu",
        lambda node, x: _elu(x, node["alpha"]),
        slope(lambda node, x, y: _elu_slope(x, node["alpha"])),
        alpha=real(1.0),
    ),
    unary(
        "Selu",
        _selu,
        slope(lambda node, x, y: node["gamma"] * _elu_slope(x, node["alpha"])),
        alpha=real(1.67326319217681884765625),
        gamma=real(1.05070102214813232421875),
    ),
    unary("Celu", _celu, slope(lambda node, x, y: np.exp(np.minimum(x, 0) / node["alpha"])), alpha=real(1.0)),
    unary(
        "ThresholdedRelu",
        lambda node, x: np.where(x > node["alpha"], x, 0),
        slope(lambda node, x, y: x > node["alpha"]),
        alpha=real(1.0),
    ),
    unary(
        "Shrink",
        _shrink,
        slope(lambda node, x, y: np.abs(x) > node["lambd"]),
        floats=False,
        bias=real(0.0),
        lambd=real(0.5),
    ),
    unary("Sigmoid", lambda _, x: sigmoid(x), slope(lambda _, x, y: y * (1 - y))),
    unary("HardSigmoid", _hard_sigmoid, slope(_hard_sigmoid_slope), alpha=real(0.2), beta=real(0.5)),
    unary("HardSwish", _hard_swish, slope(_hard_swish_slope)),
    unary("Swish", lambda node, x: x * sigmoid(node["alpha"] * x), slope(_swish_slope), alpha=real(1.0)),
    unary("Mish", lambda _, x: x * np.tanh(softplus(x)), slope(_mish_slope)),
    unary("Gelu", _gelu, slope(_gelu_slope), approximate=choice("none", "none", "tanh")),
    unary(
        "Erf",
        lambda _, x: erf(x),
        slope(lambda _, x, y: 2 / math.sqrt(math.pi) * np.exp(-x * x)),
        floats=False,
    ),
    unary("Tanh", lambda _, x: np.tanh(x), slope(lambda _, x, y: 1 - y * y)),
    unary("Softplus", lambda _, x: softplus(x), slope(lambda _, x, y: sigmoid(x))),
    unary("Softsign", lambda _, x: x / (1 + np.abs(x)), slope(lambda _, x, y: 1 / (1 + np.abs(x)) ** 2)),
    Operation("PRelu", (2, 2), _prelu_infer, _prelu, _prelu_back, weights=(1,)),
    Operation("Clip", (1, 3), _clip_infer, _clip, _clip_back),
    _over_axis("Softmax", kept(_softmax), _softmax_back),
    _over_axis("LogSoftmax", kept(_log_softmax), _log_softmax_back),
    _over_axis("Hardmax", _hardmax, "its results are 0 and 1, which jump; train with Softmax"),
    Operation("Identity", (1, 1), same, lambda _, x: x, passed),
)
