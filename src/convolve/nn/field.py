"""Receptive fields: how much of the network's input one cell of a feature map sees.

Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks" (Distill, 2019). Where
branches meet, the field is the smallest box around theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from convolve.nn.graph import Graph
from convolve.nn.inference import Tensors, inputs_of
from convolve.nn.operation import Window
from convolve.nn.operations import OPERATIONS


@dataclass(frozen=True, slots=True)
class Field:
    """What one cell sees, per spatial dimension: cells, the step to its neighbour's field, the first cell."""

    size: tuple[float, ...]
    jump: tuple[float, ...]
    start: tuple[float, ...]

    def __str__(self) -> str:
        return " × ".join(f"{size:g}" for size in self.size)


Fields = dict[str, Field | None]
"""Tensor -> what a cell of it sees; None: everything. A tensor that depends on no input is missing."""


def fields(graph: Graph, tensors: Tensors) -> Fields:
    """Return the receptive field of every tensor whose shape is known."""
    found: Fields = {}
    for one in graph.inputs:
        dims = max(0, len(one.shape) - 2)
        found[one.name] = Field((1.0,) * dims, (1.0,) * dims, (0.0,) * dims)
    for node in graph.nodes:
        known = inputs_of(node, tensors)
        seen = [found[name] for name in node.inputs if name in found]
        if seen:
            window = None if known is None else OPERATIONS[node.operation].window(node, tuple(known))
            for name in node.outputs:
                found[name] = _through(window, seen)
    return found


def _through(window: Window | None, seen: Sequence[Field | None]) -> Field | None:
    """Return the field of an operation's outputs, from those of its inputs."""
    if window is None:
        return None
    grown = []
    for field in seen:
        if field is None or len(field.size) != len(window.size):
            return None
        grown.append(_grown(window, field))
    if len(grown) == 1:
        return grown[0]
    dims = range(len(window.size))
    start = tuple(min(field.start[d] for field in grown) for d in dims)
    stop = tuple(max(field.start[d] + field.size[d] for field in grown) for d in dims)
    return Field(tuple(b - a for a, b in zip(start, stop, strict=True)), grown[0].jump, start)


def _grown(window: Window, field: Field) -> Field:
    size, jump, start = field.size, field.jump, field.start
    dims = range(len(size))
    return Field(
        tuple(size[d] + (window.size[d] - 1) * jump[d] for d in dims),
        tuple(jump[d] * window.jump[d] for d in dims),
        tuple(start[d] - window.before[d] * jump[d] for d in dims),
    )
