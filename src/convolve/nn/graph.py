"""A network as frozen data: inputs, nodes in the order in which they run, constants, outputs.

Names tie these together, as in ONNX. Nothing here knows sizes: one graph serves every batch and image size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from convolve.dtypes import Array, DType
from convolve.errors import ArgumentError, ConvolveError
from convolve.nn.attributes import complete
from convolve.nn.operation import Node
from convolve.nn.operations import OPERATIONS

Size = int | str | None
"""A number of cells; a name or None stands for any."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a network.

    Attributes
    ----------
    name
        As `Network` takes it as a keyword.
    shape
        Sizes; a name or None where any size is possible, as it usually is for the batch.
    dtype
        Of the array.
    """

    name: str
    shape: tuple[Size, ...]
    dtype: DType

    def __str__(self) -> str:
        sizes = ", ".join("any" if size is None else str(size) for size in self.shape)
        return f"{self.name}: {self.dtype} ({sizes})"


def in_layer(error: ConvolveError, node: Node | str) -> ConvolveError:
    """Return the error with the name of the layer in front."""
    return type(error)(f"{node}: {error}")


def make_node(
    operation: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    name: str,
    attributes: Mapping[str, Any] | None = None,
) -> Node:
    """Return a node whose attributes and number of inputs and outputs are checked.

    Parameters
    ----------
    operation
        Name in the table of operations.
    inputs, outputs
        Names of tensors; "" where an optional one is absent.
    name
        Of the layer.
    attributes
        Those given; the others take their defaults.

    Raises
    ------
    ArgumentError
        With the layer's name, the rule and what was given.
    """
    known = OPERATIONS[operation]
    try:
        values = complete(attributes or {}, known.attributes)
        _check_count("inputs", len(inputs), known.inputs)
        _check_count("outputs", len(outputs), known.outputs)
        for place, tensor in enumerate(inputs[: known.inputs[0]]):
            if not tensor:
                raise ArgumentError(f"input {place} must be given")
    except ConvolveError as error:
        raise in_layer(error, f"{name} ({operation})") from None
    return Node(operation, tuple(inputs), tuple(outputs), MappingProxyType(values), name)


def _check_count(what: str, count: int, limits: tuple[int, int]) -> None:
    least, most = limits
    if not least <= count <= most:
        number = f"{least}" if least == most else f"{least} to {most}"
        raise ArgumentError(f"there must be {number} {what}, got {count}")


@dataclass(frozen=True, eq=False)
class Graph:
    """A network as frozen data.

    Attributes
    ----------
    inputs
        What a caller gives.
    nodes
        In an order in which they can run.
    constants
        Weights and other numbers by name, read-only.
    outputs
        Names of the tensors that a caller gets.
    fixed
        Names of constants that stand where weights stand, but are not learned.
    """

    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    outputs: tuple[str, ...]
    fixed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        frozen = {name: _read_only(array) for name, array in self.constants.items()}
        object.__setattr__(self, "constants", MappingProxyType(frozen))
        self._check_names()

    def _check_names(self) -> None:
        """Refuse names that are read before they are written, or written twice."""
        written = {one.name for one in self.inputs}
        if len(written) < len(self.inputs):
            raise ArgumentError(f"inputs must have different names, got {[one.name for one in self.inputs]}")
        written |= set(self.constants)
        for node in self.nodes:
            for name in node.inputs:
                if name and name not in written:
                    raise ArgumentError(
                        f"{node}: input {name!r} must come from an earlier node; none writes it"
                    )
            for name in node.outputs:
                if name in written:
                    raise ArgumentError(f"{node}: output {name!r} must be new; something else writes it")
                if name:
                    written.add(name)
        missing = [name for name in self.outputs if name not in written]
        if missing or not self.outputs:
            raise ArgumentError(f"outputs must be written by a node, got {missing or 'no output'}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Say how it is pickled: read-only mappings cannot be."""
        nodes = tuple(
            (one.operation, one.inputs, one.outputs, one.name, dict(one.attributes)) for one in self.nodes
        )
        return _unpickled, (self.inputs, nodes, dict(self.constants), self.outputs, self.fixed)

    def learned(self, node: Node) -> tuple[str, ...]:
        """Return the names of the constants that a node learns: single numbers are none."""
        places = OPERATIONS[node.operation].weights
        names = (node.inputs[place] for place in places if place < len(node.inputs))
        return tuple(
            name
            for name in names
            if name in self.constants and name not in self.fixed and self.constants[name].ndim
        )

    def needed(self, outputs: Sequence[str]) -> tuple[Node, ...]:
        """Return the nodes that some tensors depend on, in order."""
        wanted = set(outputs)
        found = []
        for node in reversed(self.nodes):
            if wanted.intersection(node.outputs):
                found.append(node)
                wanted.update(node.inputs)
        return tuple(reversed(found))


def _read_only(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view


def _unpickled(
    inputs: tuple[Input, ...],
    nodes: Sequence[tuple[Any, ...]],
    constants: Mapping[str, Array],
    outputs: tuple[str, ...],
    fixed: frozenset[str],
) -> Graph:
    """Return the graph that `Graph.__reduce__` took apart."""
    made = tuple(
        Node(operation, read, written, MappingProxyType(attributes), name)
        for operation, read, written, name, attributes in nodes
    )
    return Graph(inputs, made, constants, outputs, fixed)
