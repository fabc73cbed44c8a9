"""From a network that runs to one that learns: parameters become inputs, and some operations change.

While a network is trained, `BatchNormalization` takes the statistics of the batch, `Dropout` leaves cells
out, and `MaxPool` remembers where the largest cells were. The network itself stays as it is; what was
learned is put into a new one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError
from convolve.nn.graph import Graph, Input, make_node
from convolve.nn.inference import folded
from convolve.nn.initial import Initial, generator
from convolve.nn.network import Network
from convolve.nn.operation import Node
from convolve.nn.tensor import is_float

STATE = "training.state"
"""Name of the input that says (seed, step), from which cells are left out."""

DRAWN = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operations whose weights `initialised` draws."""


@dataclass(frozen=True, eq=False)
class Trainable:
    """A network in the form in which it is trained.

    Attributes
    ----------
    original
        The network's graph, with all that depends on constants alone worked out.
    graph
        The one that is trained: parameters, statistics and `STATE` are inputs.
    parameters
        What is learned, by name: its first numbers.
    statistics
        Running means and variances, by name.
    updates
        Statistic -> the tensor that holds what comes after a step.
    """

    original: Graph
    graph: Graph
    parameters: Mapping[str, Array]
    statistics: Mapping[str, Array]
    updates: Mapping[str, str]

    def network(self, numbers: Mapping[str, Array]) -> Network:
        """Return the network with other parameters and statistics."""
        constants = {**self.original.constants, **{name: array.copy() for name, array in numbers.items()}}
        return Network(replace(self.original, constants=constants))


def trainable(network: Network) -> Trainable:
    """Return the form of a network in which it is trained.

    Parameters
    ----------
    network
        Built from layers or read from a file. What `summary` counts as parameters is learned.

    Returns
    -------
    Trainable

    Raises
    ------
    ArgumentError
        If there is nothing to be learned.

    Examples
    --------
    >>> from convolve import nn
    >>> found = trainable(nn.Sequential(nn.Linear(3, 2), input_shape=(3,)))
    >>> {name: array.shape for name, array in found.parameters.items()}
    {'linear1.weight': (2, 3), 'linear1.bias': (2,)}
    """
    original = folded(network.graph)
    parameters = _parameters(original)
    if not parameters:
        raise ArgumentError("a network must have parameters to be trained; this one has none")
    changes = _Changes(original)
    nodes = tuple(changes.changed(node) for node in original.nodes)
    variable = {**parameters, **{name: original.constants[name] for name in changes.updates}}
    inputs = [Input(name, array.shape, array.dtype) for name, array in variable.items()]
    state = Input(STATE, (2,), np.dtype(np.int64))
    constants = {name: array for name, array in original.constants.items() if name not in variable}
    graph = Graph(
        (*original.inputs, *inputs, state),
        nodes,
        {**constants, **changes.constants},
        (*original.outputs, *changes.updates.values()),
    )
    statistics = {name: original.constants[name] for name in changes.updates}
    return Trainable(original, graph, parameters, statistics, changes.updates)


def _parameters(graph: Graph) -> dict[str, Array]:
    """Return what is learned, by name."""
    found = {}
    for node in graph.nodes:
        for name in graph.learned(node):
            if is_float(graph.constants[name].dtype):
                found[name] = graph.constants[name]
    return found


class _Changes:
    """The nodes that take the place of others, and what they need."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.updates: dict[str, str] = {}
        self.constants: dict[str, Array] = {}

    def changed(self, node: Node) -> Node:
        """Return what takes a node's place in training."""
        if node.operation == "BatchNormalization" and not node["training_mode"]:
            return self._batch(node)
        if node.operation == "Dropout":
            return self._dropout(node)
        if node.operation == "MaxPool" and len(node.outputs) == 1:
            return replace(node, outputs=(*node.outputs, f"{node.outputs[0]}.places"))
        return node

    def _batch(self, node: Node) -> Node:
        statistics = node.inputs[3:5]
        if not all(name in self.graph.constants for name in statistics):
            return node
        after = [f"{node.outputs[0]}.{part}" for part in ("mean", "variance")]
        # A layer that is laid twice moves its statistics on twice: the second time from where the first left.
        before = [self.updates.get(name, name) for name in statistics]
        self.updates.update(zip(statistics, after, strict=True))
        kept = {name: node[name] for name in ("epsilon", "momentum")}
        inputs = (*node.inputs[:3], *before)
        remembered = [f"{node.outputs[0]}.{part}" for part in ("centred", "batch_variance")]
        outputs = (node.outputs[0], *after, *remembered)
        return make_node("BatchNormTraining", inputs, outputs, node.name, kept)

    def _dropout(self, node: Node) -> Node:
        ratio = node.inputs[1] if len(node.inputs) > 1 else ""
        if not ratio:
            ratio = f"{node.outputs[0]}.ratio"
            self.constants[ratio] = np.array(0.5, np.float32)  # ONNX's default
        outputs = (node.outputs[0], f"{node.outputs[0]}.scale")
        return make_node("DropCells", (node.inputs[0], ratio, STATE), outputs, node.name)


def initialised(network: Network, rule: Initial, *, seed: int = 0) -> Network:
    """Return the network with the weights of its convolutions and linear layers drawn anew.

    Parameters
    ----------
    network
        Any; biases and normalisation keep their numbers.
    rule
        Such as ``nn.kaiming_normal()`` or ``nn.xavier_uniform()``.
    seed
        From which, and the weight's name, the numbers follow.

    Examples
    --------
    >>> from convolve import nn
    >>> network = nn.Sequential(nn.Linear(3, 2), input_shape=(3,))
    >>> other = nn.initialised(network, nn.xavier_normal(), seed=1)
    >>> other.graph.constants["linear1.weight"].shape
    (2, 3)
    """
    graph = folded(network.graph)
    drawn = {}
    for node in graph.nodes:
        weights = [name for name in graph.learned(node) if graph.constants[name].ndim > 1]
        for name in weights if node.operation in DRAWN else ():
            shape = graph.constants[name].shape
            turned = node.operation == "MatMul" or (node.operation == "Gemm" and not node["transB"])
            array = rule(generator(seed, name), shape[::-1] if turned else shape)
            drawn[name] = array.T if turned else array
    return Network(replace(graph, constants={**graph.constants, **drawn}))
