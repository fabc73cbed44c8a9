"""A network as calls of PyTorch: eager, channels last, batch norms folded into convolutions.

As a careful user's module would do it: a feature map is let go once its last reader is done, and ReLU and
sums write in place where nobody else reads what they replace, as in torchvision's models. Without that
PyTorch takes up to 1.3 times as long (ShuffleNet, batch 16, one thread, Zen 4, 2026-11-26: 387 ms for 290).

For the nine networks of `bench.networks` alone: an operation that is none of theirs is a KeyError.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from convolve.nn.network import Network
from convolve.nn.operation import Node

Values = dict[str, Any]


class Step(NamedTuple):
    """A call of PyTorch, and the feature maps that nobody reads after it."""

    node: Node
    call: Callable[..., Any]
    done: tuple[str, ...]


def torch_network(network: Network) -> Callable[[Any], Any]:
    """Return a call of PyTorch that computes what a network does, in inference mode."""
    graph = network._ready
    values: Values = {name: _constant(array) for name, array in graph.constants.items()}
    steps = _steps(_folded(graph.nodes, values, graph.outputs), graph.outputs)
    (wanted,), (given,) = graph.outputs, graph.inputs

    def run(image: Any) -> Any:
        with torch.inference_mode():
            held = {**values, given.name: image}
            for node, call, done in steps:
                held[node.outputs[0]] = call(node, *(held[name] for name in node.inputs if name))
                for name in done:
                    del held[name]
            return held[wanted].numpy()

    return run


def _steps(nodes: Sequence[Node], outputs: tuple[str, ...]) -> list[Step]:
    """Return the calls, in place where the first input is a map that has no other reader."""
    readers = Counter(name for node in nodes for name in node.inputs) + Counter(outputs)
    by = {node.outputs[0]: node for node in nodes}
    seen, steps = set(outputs), []
    for node in reversed(nodes):
        first = node.inputs[0]
        own = first in by and readers[first] == 1 and by[first].operation not in VIEWS
        call = (IN_PLACE if own else {}).get(node.operation, MAKERS[node.operation])
        done = tuple(name for name in dict.fromkeys(node.inputs) if name in by and name not in seen)
        seen.update(done)
        steps.append(Step(node, call, done))
    return steps[::-1]


def _constant(array: Any) -> Any:
    tensor = torch.from_numpy(np.array(array))
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor


def _folded(nodes: tuple[Node, ...], values: Values, outputs: tuple[str, ...]) -> list[Node]:
    """Put batch norms into the convolutions whose results they alone read, as torch.nn.utils.fusion does."""
    readers = Counter(name for node in nodes for name in node.inputs) + Counter(outputs)
    made: dict[str, int] = {}
    kept: list[Node] = []
    for node in nodes:
        before = made.get(node.inputs[0]) if node.operation == "BatchNormalization" else None
        if before is None or readers[node.inputs[0]] != 1:
            if node.operation == "Conv":
                made[node.outputs[0]] = len(kept)
            kept.append(node)
            continue
        conv = kept[before]
        scale, shift, mean, variance = (values[name] for name in node.inputs[1:])
        factor = scale / torch.sqrt(variance + node["epsilon"])
        weight, bias = f"{node.name} weight", f"{node.name} bias"
        values[weight] = values[conv.inputs[1]] * factor.reshape(-1, 1, 1, 1)
        own = values[conv.inputs[2]] if len(conv.inputs) > 2 else 0
        values[bias] = (own - mean) * factor + shift
        names = (conv.inputs[0], weight, bias)
        kept[before] = Node("Conv", names, node.outputs, conv.attributes, conv.name)
        made[node.outputs[0]] = before
    return kept


def _padded(node: Node, x: Any, value: float) -> tuple[Any, tuple[int, int]]:
    """Return the image and the padding that PyTorch can do by itself: the same on both sides."""
    pads = node["pads"] or (0, 0, 0, 0)
    if pads[:2] == pads[2:]:
        return x, (pads[0], pads[1])
    return F.pad(x, (pads[1], pads[3], pads[0], pads[2]), value=value), (0, 0)


def _conv(node: Node, x: Any, weight: Any, bias: Any = None) -> Any:
    x, padding = _padded(node, x, 0.0)
    return F.conv2d(x, weight, bias, node["strides"] or 1, padding, node["dilations"] or 1, node["group"])


def _max_pool(node: Node, x: Any) -> Any:
    x, padding = _padded(node, x, -float("inf"))
    return F.max_pool2d(x, node["kernel_shape"], node["strides"] or 1, padding, ceil_mode=node["ceil_mode"])


def _average_pool(node: Node, x: Any) -> Any:
    how = {
        "kernel_size": node["kernel_shape"],
        "stride": node["strides"] or 1,
        "ceil_mode": node["ceil_mode"],
    }
    pads, counted = node["pads"] or (0, 0, 0, 0), bool(node["count_include_pad"])
    if pads[:2] == pads[2:]:
        return F.avg_pool2d(x, padding=(pads[0], pads[1]), count_include_pad=counted, **how)
    padded, _ = _padded(node, x, 0.0)
    if counted:
        return F.avg_pool2d(padded, **how)
    ones, _ = _padded(node, torch.ones(1, 1, *x.shape[2:]), 0.0)
    return F.avg_pool2d(padded, divisor_override=1, **how) / F.avg_pool2d(ones, divisor_override=1, **how)


def _batch_norm(node: Node, x: Any, scale: Any, shift: Any, mean: Any, variance: Any) -> Any:
    return F.batch_norm(x, mean, variance, scale, shift, eps=node["epsilon"])


def _gemm(node: Node, a: Any, b: Any, c: Any) -> Any:
    assert node["transB"] and not node["transA"] and node["alpha"] == node["beta"] == 1
    return F.linear(a, b, c.reshape(-1))


def _response(node: Node, x: Any) -> Any:
    return F.local_response_norm(x, node["size"], node["alpha"], node["beta"], node["bias"])


def _reshape(_node: Node, x: Any, shape: Any) -> Any:
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(shape.tolist())])


def _sum(_node: Node, first: Any, *others: Any) -> Any:
    for other in others:
        first = first + other
    return first


def _sum_in_place(_node: Node, first: Any, *others: Any) -> Any:
    if any(other.shape != first.shape for other in others):
        return _sum(_node, first, *others)
    for other in others:
        first.add_(other)
    return first


MAKERS: Mapping[str, Callable[..., Any]] = {
    "Conv": _conv,
    "BatchNormalization": _batch_norm,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": lambda _, x: x.mean((2, 3), keepdim=True),
    "Gemm": _gemm,
    "LRN": _response,
    "Relu": lambda _, x: F.relu(x),
    "Add": _sum,
    "Sum": _sum,
    "Mul": lambda _, a, b: a * b,
    "Concat": lambda node, *parts: torch.cat(parts, node["axis"]),
    "Dropout": lambda _, x, *rest: x,
    "Identity": lambda _, x: x,
    "Reshape": _reshape,
    "Flatten": lambda node, x: x.flatten(node["axis"]),
    "Transpose": lambda node, x: x.permute(node["perm"]),
    "Softmax": lambda node, x: F.softmax(x, node["axis"]),
}
"""Operation -> (node, *inputs) -> the result."""

VIEWS = ("Dropout", "Identity", "Reshape", "Flatten", "Transpose")
"""Operations whose result may be their input's memory, which others may read."""

IN_PLACE: Mapping[str, Callable[..., Any]] = {
    "Relu": lambda _, x: F.relu(x, inplace=True),
    "Add": _sum_in_place,
    "Sum": _sum_in_place,
}
"""The same where the first input is theirs alone."""
