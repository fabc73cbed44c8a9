"""What takes the place of `BatchNormalization` and `Dropout` while a network is trained; see `trainable`."""

import hashlib

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ShapeError
from convolve.nn.attributes import real
from convolve.nn.casting import wider
from convolve.nn.operation import Back, Node, Operation, table
from convolve.nn.operations.normalisation import batch_back, batch_statistics, check_channels, per_channel
from convolve.nn.tensor import Tensor, check_float, check_ndim


def _batch_infer(
    _node: Node, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor
) -> tuple[Tensor, ...]:
    check_float(x)
    check_ndim(x, 2)
    check_channels(x, x.shape[1], scale=scale, bias=bias, mean=mean, variance=variance)
    if x.size == x.shape[1]:
        raise ShapeError(
            f"statistics of a batch need more than one cell per channel, got {x.shape}; use larger batches"
        )
    return x.like(), mean.like(), variance.like(), x.like(), variance.like()


def _batch(
    node: Node, x: Array, scale: Array, bias: Array, mean: Array, variance: Array
) -> tuple[Array, ...]:
    """Normalise by the batch's own statistics, and move the running ones towards them.

    As in PyTorch the running variance follows the unbiased one, though the biased one divides the batch.
    """
    cells = wider(x)
    centred, now_mean, now_variance = batch_statistics(cells)
    slope = scale / np.sqrt(now_variance + cells.dtype.type(node["epsilon"]))
    result = centred * per_channel(slope, x.ndim)
    result += per_channel(bias, x.ndim)
    count, keep = x.size // x.shape[1], node["momentum"]
    unbiased = now_variance * (count / (count - 1))
    running = (old * keep + new * (1 - keep) for old, new in ((mean, now_mean), (variance, unbiased)))
    moved = (np.asarray(one, mean.dtype) for one in running)
    return (result.astype(x.dtype, copy=False), *moved, centred, now_variance)


def _batch_back(back: Back) -> tuple[Array | None, ...]:
    return batch_back(back, back.outputs[3], back.outputs[4])


def _drop_infer(_node: Node, x: Tensor, ratio: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    check_float(x)
    if ratio.size != 1 or state.shape != (2,):
        raise ShapeError(f"ratio must be one number and state two, got {ratio.shape} and {state.shape}")
    return x.like(), x.like()


def _drop(node: Node, x: Array, ratio: Array, state: Array) -> tuple[Array, Array]:
    """Leave cells out at random; the others grow, so that sums stay what they were on average.

    Which ones follows from (seed, step) and the layer's name alone.
    """
    name = np.frombuffer(hashlib.sha256(node.name.encode()).digest(), np.uint32)
    random = np.random.default_rng([*(int(number) for number in state), *name.tolist()])
    share = float(ratio.reshape(()))
    mask = np.asarray((random.random(x.shape, np.float32) >= share) / (1 - share), x.dtype)
    return x * mask, mask


def _drop_back(back: Back) -> tuple[Array]:
    return (back.dy * back.outputs[1],)


TABLE = table(
    Operation(
        "BatchNormTraining",
        (5, 5),
        _batch_infer,
        _batch,
        _batch_back,
        attributes={"epsilon": real(1e-5), "momentum": real(0.9)},
        outputs=(5, 5),
        weights=(1, 2),
        onnx=False,
    ),
    Operation("DropCells", (3, 3), _drop_infer, _drop, _drop_back, outputs=(2, 2), onnx=False),
)
