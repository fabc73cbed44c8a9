"""Reverse mode: a graph's steps forward with everything kept, and then back with the gradients.

Each operation's gradient stands in the table of operations, beside its meaning. Here they are put together: a
tensor that several nodes read gets the sum of what comes back from each.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ConvolveError
from convolve.nn.graph import Graph, in_layer
from convolve.nn.inference import infer_node, inputs_of, run_node
from convolve.nn.operation import Back, Node
from convolve.nn.operations import OPERATIONS
from convolve.nn.program import Program, Step
from convolve.nn.tensor import Tensor, is_float

Arrays = dict[str, Array]


class Differentiated:
    """A graph for inputs of certain shapes, with the gradients of some of its tensors.

    Parameters
    ----------
    graph
        Parameters must be inputs: what is constant is worked out once and for all.
    given
        Shapes and dtypes of the inputs.
    outputs
        Names of tensors whose gradients will be given.
    wanted
        Names of tensors whose gradients are asked for: inputs, or what some node computes.

    Examples
    --------
    >>> import numpy as np
    >>> from convolve import nn
    >>> from convolve.nn.tensor import Tensor
    >>> network = nn.Sequential(nn.Tanh(), input_shape=(2,))
    >>> x = np.array([[0.0, 1.0]], np.float32)
    >>> both = Differentiated(network.graph, {"input": Tensor.of(x)}, network.outputs, ["input"])
    >>> kept = both.forward({"input": x})
    >>> both.backward(kept, {network.outputs[0]: np.ones_like(x)})["input"].round(2)
    array([[1.  , 0.42]], dtype=float32)
    """

    def __init__(
        self, graph: Graph, given: Mapping[str, Tensor], outputs: Sequence[str], wanted: Collection[str]
    ) -> None:
        given = {name: Tensor(tensor.dtype, tensor.shape) for name, tensor in given.items()}
        self.program = Program(graph, given, outputs)
        self.wanted = frozenset(wanted)
        self.reached = _reached(self.program.steps, self.wanted)
        self._back = _way_back(self.program.steps, self.reached)
        self._differentiable: dict[Node, tuple[bool, ...]] = {}

    def forward(self, arrays: Mapping[str, Array]) -> Arrays:
        """Return every tensor that is computed, by name, the inputs and constants among them."""
        held: Arrays = {**self.program.constants, **arrays}
        with np.errstate(all="ignore"):  # infinities and NaN are results like others
            for step in self.program.steps:
                inputs = inputs_of(step.node, held) or []
                if not step.checked:
                    infer_node(step.node, [None if one is None else Tensor.of(one) for one in inputs])
                held.update(zip(step.node.outputs, run_node(step.node, inputs), strict=False))
        return held

    def backward(self, held: Mapping[str, Array], gradients: Mapping[str, Array]) -> Arrays:
        """Return the gradients that were asked for, by name.

        Parameters
        ----------
        held
            What `forward` returned.
        gradients
            Of a number with respect to the outputs, by name.

        Raises
        ------
        ArgumentError
            If gradients would have to go through an operation that has none, with the layer's name.
        """
        found: Arrays = dict(gradients)
        with np.errstate(all="ignore"):
            for node, wanted in self._back:
                into_outputs = tuple(map(found.get, node.outputs))
                if any(one is not None for one in into_outputs):
                    for name, gradient in _through(node, held, into_outputs, self._asked(node, held, wanted)):
                        found[name] = found[name] + gradient if name in found else gradient
                for name in node.outputs:
                    if name not in self.wanted:
                        found.pop(name, None)
        return {name: found[name] if name in found else np.zeros_like(held[name]) for name in self.wanted}

    def _asked(self, node: Node, held: Mapping[str, Array], wanted: tuple[bool, ...]) -> tuple[bool, ...]:
        """Return which inputs of a node get a gradient; worked out once, for dtypes never change."""
        if node not in self._differentiable:
            self._differentiable[node] = _differentiable(node, held, wanted)
        return self._differentiable[node]


def _reached(steps: Sequence[Step], wanted: Collection[str]) -> frozenset[str]:
    """Return the names of all float tensors that depend on what is asked for."""
    reached = set(wanted)
    for step in steps:
        if reached.intersection(step.node.inputs):
            reached.update(name for name in step.node.outputs if name)
    return frozenset(reached)


def _way_back(steps: Sequence[Step], reached: Collection[str]) -> list[tuple[Node, tuple[bool, ...]]]:
    """Return the nodes to go through, last first, and which inputs' gradients each is asked for."""
    found = []
    for step in reversed(steps):
        wanted = tuple(name in reached for name in step.node.inputs)
        if any(wanted):
            found.append((step.node, wanted))
    return found


def _differentiable(node: Node, held: Mapping[str, Array], wanted: tuple[bool, ...]) -> tuple[bool, ...]:
    """Return which inputs of a node get a gradient; none where whole numbers come out.

    Raises
    ------
    ArgumentError
        If the operation has no gradient.
    """
    floats = {name for name in (*node.inputs, *node.outputs) if name and is_float(held[name].dtype)}
    found = tuple(asked and name in floats for asked, name in zip(wanted, node.inputs, strict=True))
    if not any(found) or not floats.intersection(node.outputs):
        return (False,) * len(wanted)
    gradient = OPERATIONS[node.operation].gradient
    if isinstance(gradient, str):
        raise ArgumentError(f"{node}: gradients do not go through this operation: {gradient}")
    return found


def _through(
    node: Node, held: Mapping[str, Array], into_outputs: tuple[Array | None, ...], wanted: tuple[bool, ...]
) -> list[tuple[str, Array]]:
    """Return (name, gradient) of the inputs of one node that gradients go to."""
    gradient = OPERATIONS[node.operation].gradient
    if not any(wanted) or isinstance(gradient, str):
        return []
    inputs = tuple(held[name] if name else None for name in node.inputs)
    outputs = tuple(held[name] if name else None for name in node.outputs)
    if into_outputs[0] is None:
        into_outputs = (np.zeros_like(outputs[0]), *into_outputs[1:])
    try:
        back = gradient(Back(node, inputs, outputs, into_outputs, wanted))
    except ConvolveError as error:
        raise in_layer(error, node) from None
    return [
        (name, np.asarray(one, held[name].dtype))
        for name, one, asked in zip(node.inputs, back, wanted, strict=False)
        if asked and one is not None
    ]
