"""Normalisation: maps, groups, images or rows brought to mean 0 and variance 1, then scaled and shifted."""

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ShapeError
from convolve.nn.attributes import flag, needed, real, whole, wholes
from convolve.nn.casting import wider
from convolve.nn.operation import Back, Node, Operation, everything, table
from convolve.nn.operations.derivatives import summed_to
from convolve.nn.tensor import Tensor, axes_of, axis_of, broadcast, check_float, check_ndim

EPSILON = {"epsilon": real(1e-5)}


def per_channel(numbers: Array, ndim: int) -> Array:
    """Return numbers, one per channel, so that they repeat over a batch of feature maps."""
    return numbers.reshape((-1,) + (1,) * (ndim - 2))


def standardised(x: Array, axes: tuple[int, ...], epsilon: float) -> tuple[Array, Array, Array]:
    """Return (x less its mean over its standard deviation, mean, variance) over some dimensions."""
    mean = np.mean(x, axis=axes, keepdims=True)
    variance = np.mean(np.square(x - mean), axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + x.dtype.type(epsilon)), mean, variance


def standardised_back(normal: Array, spread: Array, into_normal: Array, axes: tuple[int, ...]) -> Array:
    """Return the gradient of what was standardised.

    Parameters
    ----------
    normal
        The standardised numbers.
    spread
        What they were divided by.
    into_normal
        Their gradient.
    axes
        The dimensions over which mean and variance were taken.
    """
    mean = into_normal.mean(axis=axes, keepdims=True)
    turn = (into_normal * normal).mean(axis=axes, keepdims=True)
    return np.asarray((into_normal - mean - normal * turn) / spread)


def _refuse_statistics(back: Back) -> None:
    if any(gradient is not None for gradient in back.gradients[1:]):
        raise ArgumentError(
            "gradients go through the normalised output alone, but the network uses the statistics too; "
            "compute these by ReduceMean"
        )


def check_channels(x: Tensor, channels: int, **numbers: Tensor) -> None:
    """Refuse numbers of which there is not one per channel."""
    for name, tensor in numbers.items():
        check_float(tensor, name)
        if tensor.shape != (channels,):
            raise ShapeError(
                f"{name} must have one number for each of {channels} channels, got shape {tensor.shape}; the "
                f"input's shape is {x.shape}"
            )


def _batch_infer(
    node: Node, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor
) -> tuple[Tensor, ...]:
    check_float(x)
    check_ndim(x, 2)
    check_channels(x, x.shape[1], scale=scale, bias=bias, mean=mean, variance=variance)
    if not node["training_mode"]:
        if len(node.outputs) > 1:
            raise ShapeError("running statistics come out in training_mode only; ask for one output")
        return (x.like(),)
    return x.like(), mean.like(), variance.like()


def _batch(
    node: Node, x: Array, scale: Array, bias: Array, mean: Array, variance: Array
) -> tuple[Array, ...]:
    cells = wider(x)
    if not node["training_mode"]:
        return (affine(x, cells, scale, bias, mean, variance, node["epsilon"]),)
    _, now_mean, now_variance = batch_statistics(cells)
    result = affine(x, cells, scale, bias, now_mean, now_variance, node["epsilon"])
    keep = node["momentum"]
    running = (old * keep + new * (1 - keep) for old, new in ((mean, now_mean), (variance, now_variance)))
    return (result, *(np.asarray(one, mean.dtype) for one in running))


def over_maps(x: Array, by: Array | None = None) -> Array:
    """Return the sum over each channel's cells, of ``x`` or of ``x`` times ``by``.

    Products of matrices, for NumPy's sums over several dimensions take five times as long (of 64 maps of
    64 × 8 × 8: 116 µs against 21, 2026-11-26).
    """
    cells = x.reshape(*x.shape[:2], -1)
    if by is None:
        return np.asarray((cells @ np.ones(cells.shape[2], x.dtype)).sum(axis=0))
    return np.asarray(np.einsum("ncl,ncl->nc", cells, by.reshape(cells.shape)).sum(axis=0))


def batch_statistics(x: Array) -> tuple[Array, Array, Array]:
    """Return (x less its mean, mean, variance) of every channel of a batch."""
    count = x.size // x.shape[1]
    mean = over_maps(x) / x.dtype.type(count)
    centred = x - per_channel(mean, x.ndim)
    return centred, mean, over_maps(centred, centred) / x.dtype.type(count)


def batch_back(back: Back, centred: Array, variance: Array) -> tuple[Array | None, ...]:
    """Return the gradients where mean and variance are those of the batch.

    Parameters
    ----------
    back
        With x and the scale as first inputs.
    centred
        x less its mean.
    variance
        Of every channel.
    """
    x, scale = back.inputs[:2]
    inverse = 1 / np.sqrt(variance + x.dtype.type(back.node["epsilon"]))
    into_bias, into_scale = over_maps(back.dy), over_maps(back.dy, centred) * inverse
    if not back.wanted[0]:
        return None, into_scale, into_bias
    # scale / deviation · (dy − mean of dy − normal · mean of dy · normal), with few passes over the maps
    count, slope = x.size // x.shape[1], scale * inverse
    into_x = centred * per_channel(-slope * into_scale * inverse / count, x.ndim)
    into_x -= per_channel(slope * into_bias / count, x.ndim)
    into_x += back.dy * per_channel(slope, x.ndim)
    return into_x, into_scale, into_bias


def _batch_back(back: Back) -> tuple[Array | None, ...]:
    if back.node["training_mode"]:
        _refuse_statistics(back)
        centred, _, variance = batch_statistics(back.inputs[0])
        return batch_back(back, centred, variance)
    return _fixed_back(back, (0, *range(2, back.dy.ndim)))


def _fixed_back(back: Back, axes: tuple[int, ...]) -> tuple[Array | None, ...]:
    """Return the gradients where mean and variance are numbers like others."""
    x, scale, _, mean, variance = back.inputs
    inverse = 1 / np.sqrt(variance + back.node["epsilon"])
    centred = x - per_channel(mean, x.ndim)
    sums, turned = back.dy.sum(axis=axes), (back.dy * centred).sum(axis=axes)
    return (
        back.dy * per_channel(scale * inverse, x.ndim),
        turned * inverse,
        sums,
        -sums * scale * inverse,
        -0.5 * turned * scale * inverse**3,
    )


def affine(
    x: Array, cells: Array, scale: Array, bias: Array, mean: Array, variance: Array, epsilon: float
) -> Array:
    """Return (x − mean) · scale / √(variance + ε) + bias as one product and one sum per cell."""
    slope = scale.astype(cells.dtype) / np.sqrt(variance.astype(cells.dtype) + cells.dtype.type(epsilon))
    shift = bias.astype(cells.dtype) - mean.astype(cells.dtype) * slope
    result = cells * per_channel(slope, x.ndim)
    result += per_channel(shift, x.ndim)
    return result.astype(x.dtype, copy=False)


def _instance_infer(_node: Node, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    check_float(x)
    check_ndim(x, 3)
    check_channels(x, x.shape[1], scale=scale, bias=bias)
    return x.like()


def _instance(node: Node, x: Array, scale: Array, bias: Array) -> Array:
    normal, _, _ = standardised(wider(x), tuple(range(2, x.ndim)), node["epsilon"])
    return np.asarray(normal * per_channel(scale, x.ndim) + per_channel(bias, x.ndim), dtype=x.dtype)


def _instance_back(back: Back) -> tuple[Array, ...]:
    x, scale, _ = back.inputs
    axes, over = tuple(range(2, x.ndim)), (0, *range(2, x.ndim))
    normal, _, variance = standardised(x, axes, back.node["epsilon"])
    spread = np.sqrt(variance + back.node["epsilon"])
    into_x = standardised_back(normal, spread, back.dy * per_channel(scale, x.ndim), axes)
    return into_x, (back.dy * normal).sum(axis=over), back.dy.sum(axis=over)


def _group_infer(node: Node, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    check_float(x)
    check_ndim(x, 3)
    groups = node["num_groups"]
    if x.shape[1] % groups:
        raise ShapeError(f"num_groups must divide the {x.shape[1]} channels, got {groups}")
    # One number per group is what opset 18 asked for; from 21 on it is one per channel.
    channels = groups if scale.shape == (groups,) else x.shape[1]
    check_channels(x, channels, scale=scale, bias=bias)
    return x.like()


def _group(node: Node, x: Array, scale: Array, bias: Array) -> Array:
    groups, channels = node["num_groups"], x.shape[1]
    cells = wider(x).reshape(x.shape[0], groups, -1)
    normal, _, _ = standardised(cells, (2,), node["epsilon"])
    slope, shift = (np.repeat(one, channels // one.size) for one in (scale, bias))
    result = normal.reshape(x.shape) * per_channel(slope, x.ndim) + per_channel(shift, x.ndim)
    return np.asarray(result, dtype=x.dtype)


def _group_back(back: Back) -> tuple[Array, ...]:
    x, scale, bias = back.inputs
    groups, over = back.node["num_groups"], (0, *range(2, x.ndim))
    normal, _, variance = standardised(x.reshape(x.shape[0], groups, -1), (2,), back.node["epsilon"])
    spread = np.sqrt(variance + back.node["epsilon"])
    slope = per_channel(np.repeat(scale, x.shape[1] // scale.size), x.ndim)
    into_normal = (back.dy * slope).reshape(normal.shape)
    into_x = standardised_back(normal, spread, into_normal, (2,)).reshape(x.shape)
    into_scale = (back.dy * normal.reshape(x.shape)).sum(axis=over)
    # Where there is one number per group, the channels that share it are summed up.
    return into_x, into_scale.reshape(scale.size, -1).sum(1), back.dy.sum(over).reshape(bias.size, -1).sum(1)


def _layer_infer(node: Node, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> tuple[Tensor, ...]:
    check_float(x)
    check_ndim(x, 1)
    axis = axis_of(node["axis"], x.ndim)
    rows = x.like(x.shape[axis:])
    for name, tensor in (("scale", scale), ("bias", bias)):
        if tensor is not None and broadcast(rows, tensor) != rows.shape:
            raise ShapeError(f"{name} must repeat to the normalised shape {rows.shape}, got {tensor.shape}")
    kept = (*x.shape[:axis], *(1,) * (x.ndim - axis))
    statistics = Tensor(np.dtype(np.float32) if node["stash_type"] else x.dtype, kept)
    return (x.like(), statistics, statistics)[: len(node.outputs)]


def _layer(node: Node, x: Array, scale: Array, bias: Array | None = None) -> tuple[Array, ...]:
    axis = axis_of(node["axis"], x.ndim)
    cells = wider(x)
    normal, mean, variance = standardised(cells, tuple(range(axis, x.ndim)), node["epsilon"])
    result = normal * scale
    if bias is not None:
        result = result + bias
    inverse = 1 / np.sqrt(variance + cells.dtype.type(node["epsilon"]))
    statistics = (np.asarray(one, np.float32 if node["stash_type"] else x.dtype) for one in (mean, inverse))
    return (np.asarray(result, dtype=x.dtype), *statistics)[: len(node.outputs)]


def _layer_back(back: Back) -> tuple[Array | None, ...]:
    x, scale, bias = (*back.inputs, None)[:3]
    _refuse_statistics(back)
    axes = tuple(range(axis_of(back.node["axis"], x.ndim), x.ndim))
    normal, _, variance = standardised(x, axes, back.node["epsilon"])
    into_x = standardised_back(normal, np.sqrt(variance + back.node["epsilon"]), back.dy * scale, axes)
    into_bias = None if bias is None else summed_to(back.dy, bias.shape)
    return into_x, summed_to(back.dy * normal, scale.shape), into_bias


def _root_infer(node: Node, x: Tensor, scale: Tensor) -> Tensor:
    return _layer_infer(node, x, scale)[0]


def _root(node: Node, x: Array, scale: Array) -> Array:
    cells = wider(x)
    axes = tuple(range(axis_of(node["axis"], x.ndim), x.ndim))
    squares = np.mean(np.square(cells), axis=axes, keepdims=True) + cells.dtype.type(node["epsilon"])
    return np.asarray(cells / np.sqrt(squares) * scale, dtype=x.dtype)


def _root_back(back: Back) -> tuple[Array, Array]:
    x, scale = back.inputs
    axes = tuple(range(axis_of(back.node["axis"], x.ndim), x.ndim))
    root = np.sqrt(np.mean(np.square(x), axis=axes, keepdims=True) + back.node["epsilon"])
    normal, into_normal = x / root, back.dy * scale
    turn = (into_normal * normal).mean(axis=axes, keepdims=True)
    return (into_normal - normal * turn) / root, summed_to(back.dy * normal, scale.shape)


def _neighbours(cells: Array, before: int, after: int) -> Array:
    """Return sums over neighbouring channels: so many before, the channel itself, so many after."""
    channels = cells.shape[1]
    sums = np.zeros_like(cells)
    for shift in range(max(-before, 1 - channels), min(after + 1, channels)):
        to = slice(max(0, -shift), channels - max(0, shift))
        sums[:, to] += cells[:, max(0, shift) : channels - max(0, -shift)]
    return sums


def _reach(node: Node) -> tuple[int, int]:
    before = (node["size"] - 1) // 2
    return before, node["size"] - 1 - before


def _local(node: Node, x: Array) -> Array:
    """Divide by a power of the squares of neighbouring channels (Krizhevsky et al., 2012)."""
    sums = _neighbours(np.square(wider(x)), *_reach(node))
    return np.asarray(x / (node["bias"] + node["alpha"] / node["size"] * sums) ** node["beta"], dtype=x.dtype)


def _local_back(back: Back) -> tuple[Array]:
    x, node = back.inputs[0], back.node
    before, after = _reach(node)
    base = node["bias"] + node["alpha"] / node["size"] * _neighbours(np.square(x), before, after)
    met = _neighbours(back.dy * x * base ** (-node["beta"] - 1), after, before)
    return (back.dy * base ** -node["beta"] - 2 * node["alpha"] * node["beta"] / node["size"] * x * met,)


def _local_infer(_node: Node, x: Tensor) -> Tensor:
    check_float(x)
    check_ndim(x, 2)
    return x.like()


def _lengths_infer(node: Node, x: Tensor) -> Tensor:
    check_float(x)
    axis_of(node["axis"], x.ndim)
    return x.like()


def _lengths(node: Node, x: Array) -> Array:
    sums = np.sum(np.abs(x) ** node["p"], axis=node["axis"], keepdims=True)
    length = sums if node["p"] == 1 else np.sqrt(sums)
    return np.asarray(np.divide(x, length, out=np.zeros_like(x), where=length != 0))


def _lengths_back(back: Back) -> tuple[Array]:
    x, axis, p = back.inputs[0], back.node["axis"], back.node["p"]
    length = np.sum(np.abs(x) ** p, axis=axis, keepdims=True) ** (1 / p)
    safe = np.where(length == 0, 1, length)
    turn = (back.dy * back.outputs[0]).sum(axis=axis, keepdims=True)
    direction = np.sign(x) if p == 1 else x / safe
    return (np.where(length == 0, 0, (back.dy - direction * turn) / safe),)


def _mean_variance_infer(node: Node, x: Tensor) -> Tensor:
    check_float(x)
    axes_of(node["axes"], x.ndim)
    return x.like()


def _mean_variance(node: Node, x: Array) -> Array:
    axes = axes_of(node["axes"], x.ndim)
    return np.asarray(standardised(wider(x), axes, 1e-9)[0], dtype=x.dtype)


def _mean_variance_back(back: Back) -> tuple[Array]:
    x = back.inputs[0]
    axes = axes_of(back.node["axes"], x.ndim)
    normal, _, variance = standardised(x, axes, 1e-9)
    return (standardised_back(normal, np.sqrt(variance + 1e-9), back.dy, axes),)


_LAYER = {"axis": whole(-1), **EPSILON, "stash_type": whole(1, least=0, most=1)}

TABLE = table(
    Operation(
        "BatchNormalization", (5, 5), _batch_infer, _batch, _batch_back,
        attributes={**EPSILON, "momentum": real(0.9), "training_mode": flag()},
        outputs=(1, 3), weights=(1, 2),
    ),
    Operation(
        "InstanceNormalization", (3, 3), _instance_infer, _instance, _instance_back,
        attributes=EPSILON, weights=(1, 2), window=everything,
    ),
    Operation(
        "GroupNormalization", (3, 3), _group_infer, _group, _group_back,
        attributes={**EPSILON, "num_groups": needed(whole(None, least=1)), "stash_type": whole(1)},
        weights=(1, 2), window=everything,
    ),
    Operation(
        "LayerNormalization", (2, 3), _layer_infer, _layer, _layer_back,
        attributes=_LAYER, outputs=(1, 3), weights=(1, 2), window=everything,
    ),
    Operation(
        "RMSNormalization", (2, 2), _root_infer, _root, _root_back,
        attributes=_LAYER, weights=(1,), window=everything,
    ),
    Operation(
        "LRN", (1, 1), _local_infer, _local, _local_back,
        attributes={
            "size": needed(whole(None, least=1)), "alpha": real(1e-4), "beta": real(0.75), "bias": real(1.0),
        },
    ),
    Operation(
        "LpNormalization", (1, 1), _lengths_infer, _lengths, _lengths_back,
        attributes={"axis": whole(-1), "p": whole(2, least=1, most=2)}, window=everything,
    ),
    Operation(
        "MeanVarianceNormalization", (1, 1), _mean_variance_infer, _mean_variance, _mean_variance_back,
        attributes={"axes": wholes((0, 2, 3))}, window=everything,
    ),
)  # fmt: skip
