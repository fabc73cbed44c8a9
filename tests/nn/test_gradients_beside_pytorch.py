"""Gradients of operations that have no layer, beside PyTorch's autograd in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convolve.nn.operations import OPERATIONS
from tests.nn.gradient_cases import CASES, NOT_DIFFERENTIABLE
from tests.nn.test_gradients import differentiated
from tests.peers import peer

torch = peer("torch")
F = torch.nn.functional


def ints(tensor: Any) -> list[int]:
    """Return whole numbers that steer an operation."""
    return [int(one) for one in tensor.reshape(-1)]


def reduced(of: Callable[..., Any]) -> Callable[..., Any]:
    """Return a reduction over the dimensions that ONNX names, or all."""

    def run(x: Any, axes: Any = None, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Any:
        if axes is None and noop_with_empty_axes:
            return x
        return of(x, tuple(ints(axes)) if axes is not None else tuple(range(x.ndim)), bool(keepdims))

    return run


def multiplied(x: Any, axes: tuple[int, ...], keep: bool) -> Any:
    for axis in axes:
        x = torch.prod(x, axis, keepdim=True)
    return x if keep else x.squeeze(axes)


def pick(name: str) -> Callable[..., Any]:
    return lambda x: getattr(torch, name)(x)


def gemm(
    a: Any, b: Any, c: Any = 0, transA: int = 0, transB: int = 0, alpha: float = 1, beta: float = 1
) -> Any:
    return alpha * (a.T if transA else a) @ (b.T if transB else b) + beta * c


def scattered(x: Any, places: Any, updates: Any, axis: int = 0, reduction: str = "none") -> Any:
    if reduction == "none":
        return x.scatter(axis, places, updates)
    names = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}
    return x.scatter_reduce(axis, places, updates, names[reduction])


def gathered(x: Any, places: Any, axis: int = 0) -> Any:
    return torch.take_along_dim(x, places % x.shape[axis], axis)


def sliced(x: Any, *steering: Any) -> Any:
    starts, ends, axes, steps = (ints(one) for one in steering)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        places = list(range(x.shape[axis]))[start:end:step]
        x = x.index_select(axis, torch.tensor(places))
    return x


def padded(x: Any, pads: Any, value: Any = None, mode: str = "constant") -> Any:
    pairs = list(zip(ints(pads)[: x.ndim], ints(pads)[x.ndim :], strict=True))
    if mode == "constant":
        flat = [one for pair in reversed(pairs) for one in pair]
        inside = F.pad(torch.ones_like(x), flat)
        return F.pad(x, flat) + (0 if value is None else value * (1 - inside))
    for axis, pair in enumerate(pairs):
        x = x.index_select(axis, torch.from_numpy(np.pad(np.arange(x.shape[axis]), pair, mode)))
    return x


def sampled(
    x: Any, grid: Any, mode: str = "linear", padding_mode: str = "zeros", align_corners: int = 0
) -> Any:
    ours = {"linear": "bilinear", "cubic": "bicubic", "nearest": "nearest"}
    return F.grid_sample(x, grid, ours[mode], padding_mode, bool(align_corners))


def batch_norm(x: Any, w: Any, b: Any, mean: Any, variance: Any, training_mode: int = 0) -> Any:
    if training_mode:
        return F.batch_norm(x, None, None, w, b, True)
    w, b, mean, variance = (one.reshape(-1, *[1] * (x.ndim - 2)) for one in (w, b, mean, variance))
    return (x - mean) / torch.sqrt(variance + 1e-5) * w + b


def cumulated(x: Any, axis: Any, exclusive: int = 0, reverse: int = 0) -> Any:
    turned = x.flip(int(axis)) if reverse else x
    total = turned.cumsum(int(axis)) - (turned if exclusive else 0)
    return total.flip(int(axis)) if reverse else total


def gathered_nd(x: Any, places: Any, batch_dims: int = 0) -> Any:
    if batch_dims:
        return torch.stack([gathered_nd(*both, batch_dims - 1) for both in zip(x, places, strict=True)])
    return x[tuple(places.movedim(-1, 0))]


def lp_pool(x: Any, kernel_shape: Any, strides: Any, pads: Any, p: int) -> Any:
    cells = F.pad(x.abs() ** p, (pads[1], pads[3], pads[0], pads[2]))
    return (F.avg_pool2d(cells, kernel_shape, strides) * np.prod(kernel_shape)) ** (1 / p)


def folded(x: Any, size: Any, kernel: Any, strides: Any, pads: Any, dilations: Any) -> Any:
    (height, width), whole = ints(size), [ints(size)[d] + pads[d] + pads[d + 2] for d in (0, 1)]
    laid = F.fold(x, whole, ints(kernel), dilations, 0, strides)
    return laid[..., pads[0] : pads[0] + height, pads[1] : pads[1] + width]


def standardised(x: Any) -> Any:
    axes = (0, *range(2, x.ndim))
    spread = torch.sqrt(x.var(axes, unbiased=False, keepdim=True))
    return (x - x.mean(axes, keepdim=True)) / (spread + 1e-9)


THEIRS: dict[str, Callable[..., Any]] = {
    **{name: pick(name.lower()) for name in (
        "Erf", "Neg", "Abs", "Exp", "Sin", "Cos", "Tan", "Atan", "Sqrt", "Log", "Reciprocal", "Tanh",
        "Sigmoid", "Sign", "Floor", "Ceil", "Round",
    )},
    "Selu": F.selu, "Softsign": F.softsign, "Softplus": F.softplus, "Mish": F.mish, "Relu": F.relu,
    "Celu": lambda x, alpha=1.0: F.celu(x, alpha), "Elu": lambda x, alpha=1.0: F.elu(x, alpha),
    "LeakyRelu": lambda x, alpha=0.01: F.leaky_relu(x, alpha), "HardSwish": F.hardswish,
    "ThresholdedRelu": lambda x, alpha=1.0: F.threshold(x, alpha, 0),
    "Swish": lambda x, alpha=1.0: x * torch.sigmoid(alpha * x),
    "HardSigmoid": lambda x, alpha=0.2, beta=0.5: torch.clip(alpha * x + beta, 0, 1),
    "Gelu": lambda x, approximate="none": F.gelu(x, approximate=approximate),
    "Softmax": lambda x, axis=-1: torch.softmax(x, axis),
    "LogSoftmax": lambda x, axis=-1: torch.log_softmax(x, axis),
    "Clip": lambda x, a=None, b=None: x if a is b is None else torch.clip(x, a, b),
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div, "Pow": torch.pow,
    "Mod": lambda a, b, fmod=0: torch.fmod(a, b) if fmod else torch.remainder(a, b),
    "Max": lambda *all: torch.stack(torch.broadcast_tensors(*all)).amax(0),
    "Min": lambda *all: torch.stack(torch.broadcast_tensors(*all)).amin(0),
    "Sum": lambda *all: sum(all), "Mean": lambda *all: sum(all) / len(all), "Where": torch.where,
    "ReduceSum": reduced(torch.sum), "ReduceMean": reduced(torch.mean), "ReduceMax": reduced(torch.amax),
    "ReduceMin": reduced(torch.amin), "ReduceProd": reduced(multiplied),
    "ReduceL1": reduced(lambda x, axes, keep: torch.linalg.vector_norm(x, 1, axes, keep)),
    "ReduceL2": reduced(lambda x, axes, keep: torch.linalg.vector_norm(x, 2, axes, keep)),
    "ReduceSumSquare": reduced(lambda x, axes, keep: (x * x).sum(axes, keep)),
    "ReduceLogSum": reduced(lambda x, axes, keep: x.sum(axes, keep).log()),
    "ReduceLogSumExp": reduced(torch.logsumexp),
    "Reshape": lambda x, shape: x.reshape(ints(shape)), "Flatten": lambda x: x.flatten(1),
    "Transpose": lambda x, perm=None: x.permute(perm or tuple(range(x.ndim))[::-1]),
    "Squeeze": lambda x, axes: x.squeeze(ints(axes)), "Expand": lambda x, shape: x + torch.zeros(ints(shape)),
    "Tile": lambda x, repeats: x.tile(ints(repeats)),
    "Concat": lambda *all, axis: torch.cat(all, axis), "Slice": sliced, "Pad": padded,
    "Trilu": lambda x, k=0, upper=1: (torch.triu if upper else torch.tril)(x, int(k)),
    "Gather": lambda x, places, axis=0: x.movedim(axis, 0)[places].movedim((0, 1), (axis, axis + 1)),
    "GatherElements": gathered, "ScatterElements": scattered, "MatMul": torch.matmul, "Gemm": gemm,
    "LayerNormalization": lambda x, w, b=None, axis=-1: F.layer_norm(
        x, x.shape[axis:], w.expand(x.shape[axis:]), None if b is None else b.expand(x.shape[axis:])
    ),
    "RMSNormalization": lambda x, w: F.rms_norm(x, x.shape[-1:], w, 1e-5),
    "InstanceNormalization": lambda x, w, b: F.instance_norm(x, weight=w, bias=b),
    "LpNormalization": lambda x, axis=-1, p=2: F.normalize(x, p, axis), "GridSample": sampled,
    "BatchNormalization": batch_norm, "MeanVarianceNormalization": standardised, "CumSum": cumulated,
    "GatherND": gathered_nd, "LpPool": lp_pool, "Col2Im": folded,
    "GlobalLpPool": lambda x, p=2: torch.linalg.vector_norm(x, p, tuple(range(2, x.ndim)), True),
    "Shrink": lambda x, lambd=0.5, bias=0.0: torch.where(
        x < -lambd, x + bias, torch.where(x > lambd, x - bias, 0 * x)
    ),
    "Unsqueeze": lambda x, _axes: x[:, None, :, None],
    "Cast": lambda x, to: 1 * x, "CastLike": lambda x, like: 1 * x,
    "TopK": lambda x, k, axis=-1, largest=1: torch.topk(x, int(k), axis, bool(largest))[0],
    "Split": lambda x, sizes, axis: torch.split(x, ints(sizes), axis)[0],
    "OneHot": lambda places, depth, two: F.one_hot(places % depth, int(depth)) * (two[1] - two[0]) + two[0],
}  # fmt: skip
"""Operation -> the same in PyTorch, from the inputs and the attributes that a case gives."""

BY_LAYERS = {
    "AdaptiveAveragePool", "AdaptiveMaxPool", "AveragePool", "BatchNormTraining", "Conv", "ConvTranspose",
    "DepthToSpace", "Dropout", "GlobalAveragePool", "GlobalMaxPool", "GroupNormalization", "Identity", "LRN",
    "MaxPool", "PRelu", "Resize", "SpaceToDepth",
}  # fmt: skip
"""Compared in `test_gradients_of_layers`."""

NOT_COMPARED = {"DropCells", "MaxUnpool", "ScatterND"}
"""Only beside central differences: PyTorch lacks them, or has them in another form."""

COMPARED = [case for case in CASES if case[0] in THEIRS]


@pytest.mark.parametrize("case", COMPARED, ids=[f"{k}-{case[0]}" for k, case in enumerate(COMPARED)])
def test_gradients_are_pytorchs(case: Any) -> None:
    operation, arrays, attributes = case
    network, given, outputs = differentiated(*case)
    kept = network.forward(given)
    into = np.random.default_rng(1).standard_normal(kept[outputs[0]].shape)
    ours = network.backward(kept, {outputs[0]: into})

    tensors = [None if one is None else torch.from_numpy(np.array(one)) for one in arrays]
    leaves = {f"in{k}": one.requires_grad_() for k, one in enumerate(tensors) if f"in{k}" in given}
    theirs = THEIRS[operation](*tensors, **attributes)
    close = {
        "rtol": 1e-6 if operation == "Selu" else 1e-9,
        "atol": 1e-10,
    }  # constants of float32
    np.testing.assert_allclose(kept[outputs[0]], theirs.detach().numpy(), **close)
    theirs.backward(torch.from_numpy(into))
    for name, leaf in leaves.items():
        wanted = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()
        np.testing.assert_allclose(ours[name], wanted, err_msg=name, **close)


def test_every_operation_is_compared_here_or_by_a_layer_or_is_listed() -> None:
    assert set(OPERATIONS) - NOT_DIFFERENTIABLE == set(THEIRS) | BY_LAYERS | NOT_COMPARED
