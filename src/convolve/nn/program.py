"""A graph made ready for inputs of certain sizes: the steps that are left, and when each tensor is done with.

`convolve.nn.compiled` makes routines of the steps, and `convolve.nn.backward` goes through them back and
forth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from convolve.nn.graph import Graph
from convolve.nn.inference import Tensors, infer
from convolve.nn.operation import Node
from convolve.nn.tensor import Tensor
from convolve.views import check_fits


@dataclass(frozen=True, slots=True)
class Step:
    """One node that runs.

    Attributes
    ----------
    node
        What is computed.
    checked
        Whether its shapes were checked in advance; others are checked when it runs.
    done
        Names of the tensors that nothing reads after it.
    """

    node: Node
    checked: bool
    done: tuple[str, ...]


class Program:
    """The steps that compute some tensors of a graph from inputs of certain shapes."""

    def __init__(self, graph: Graph, given: Mapping[str, Tensor], outputs: Sequence[str]) -> None:
        self.tensors: Tensors = infer(graph, given)
        self.inputs, self.outputs = tuple(given), tuple(outputs)
        self.constants = {
            name: tensor.value for name, tensor in self.tensors.items() if tensor.value is not None
        }
        self.steps = _steps(graph.needed(outputs), self.tensors, self.outputs)
        check_fits((self.peak,), np.dtype(np.uint8), "all feature maps that are needed at one time")

    @property
    def peak(self) -> int:
        """Bytes of all feature maps that are needed at one time, at most; constants are not counted."""
        live, most = 0, 0
        for step in self.steps:
            live += sum(self.tensors[name].nbytes for name in step.node.outputs if name in self.tensors)
            most = max(most, live)
            live -= sum(self.tensors[name].nbytes for name in step.done if name in self.tensors)
        return most


def _steps(nodes: Sequence[Node], tensors: Tensors, outputs: Sequence[str]) -> tuple[Step, ...]:
    """Return the nodes whose results are not known in advance, with the tensors that end at each."""
    running = [node for node in nodes if not all(_is_known(name, tensors) for name in node.outputs)]
    seen, steps = set(outputs), []
    made = {name for node in running for name in node.outputs if name}
    for node in reversed(running):
        names = dict.fromkeys(name for name in (*node.outputs, *node.inputs) if name in made)
        done = tuple(name for name in names if name not in seen)
        seen.update(names)
        steps.append(Step(node, all(name in tensors for name in node.outputs if name), done))
    return tuple(reversed(steps))


def _is_known(name: str, tensors: Tensors) -> bool:
    return not name or (name in tensors and tensors[name].value is not None)
