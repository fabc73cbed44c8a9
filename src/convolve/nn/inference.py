"""Shapes and dtypes of all tensors of a graph, for given inputs, before anything runs.

Numbers that do not depend on the inputs' cells are worked out on the way: a file that asks for the `Shape` of
its input and reshapes by it has every size known here.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ConvolveError, TooLargeError
from convolve.nn.graph import Graph, in_layer
from convolve.nn.operation import Node
from convolve.nn.operations import OPERATIONS
from convolve.nn.tensor import Tensor, UnknownUntilRun
from convolve.views import check_fits

Tensors = dict[str, Tensor]
"""Name -> what is known; a name that is missing is known only when the network runs."""

MOST_FOLDED = 0.5
"""Part of this machine's memory that constants worked out in advance may take. The largest networks of the
onnx package build 0.6 GB of weights this way; a file of 100 bytes could ask for any amount."""

MOST_UNCHECKED, MOST_TIMES = 1 << 28, 1000
"""Bytes that a layer's result may have in any case, and how many times those of all inputs and weights beyond
them. Networks stay below a hundred times (VGG-19's first maps are twenty times its image); a damaged
attribute, such as a padding of 2³¹, makes 16 GiB of 25 numbers, and the system ends the process."""


def infer_node(node: Node, inputs: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """Return what comes out of one node; () if that is known only when it runs."""
    with _refusals_of(node, inputs):
        try:
            found = OPERATIONS[node.operation].infer(node, *inputs)
        except UnknownUntilRun:
            return ()
        tensors = found if isinstance(found, tuple) else (found,)
        for tensor in tensors:
            check_fits(tensor.shape, tensor.dtype)
    return tensors


def run_node(node: Node, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Return what one node computes."""
    with _refusals_of(node, inputs):
        found = OPERATIONS[node.operation].forward(node, *inputs)
    return found if isinstance(found, tuple) else (found,)


@contextmanager
def _refusals_of(node: Node, inputs: Sequence[Tensor | Array | None]) -> Iterator[None]:
    """Put the layer's name in front of refusals, also of those that are NumPy's."""
    try:
        yield
    except ConvolveError as error:
        raise in_layer(error, node) from None
    except MemoryError:
        raise TooLargeError(f"{node}: the result must fit into memory; use smaller pieces") from None
    except (TypeError, ValueError, IndexError, ArithmeticError) as error:
        given = ", ".join("nothing" if one is None else f"{one.dtype} {one.shape}" for one in inputs)
        raise ArgumentError(f"{node}: inputs must fit the operation, got {given}: {error}") from error


def infer(graph: Graph, given: Mapping[str, Tensor]) -> Tensors:
    """Return what is known of every tensor of a graph.

    Parameters
    ----------
    graph
        Any graph.
    given
        Shapes and dtypes of its inputs.

    Returns
    -------
    dict
        By name. Tensors whose shape depends on the inputs' cells, such as a detector's boxes, are missing.

    Raises
    ------
    ConvolveError
        If something does not fit, with the layer's name.
    """
    tensors: Tensors = {name: Tensor.of(array) for name, array in graph.constants.items()}
    tensors.update(given)
    folded, most = _Budget(), _most_bytes(tensors)
    for node in graph.nodes:
        inputs = inputs_of(node, tensors)
        if inputs is not None:
            found = _with_values(node, inputs, infer_node(node, inputs), folded)
            for tensor in found:
                if tensor.value is None and tensor.nbytes > most:
                    raise TooLargeError(
                        f"{node}: a result must have at most {most / 2**30:.4g} GiB, the larger of "
                        f"{MOST_UNCHECKED / 2**30:.4g} and {MOST_TIMES} times all inputs and weights, but "
                        f"{tensor.shape} of {tensor.dtype} has {tensor.nbytes / 2**30:.4g}; check the "
                        "layer's attributes"
                    )
            tensors.update(zip(node.outputs, found, strict=False))
    return tensors


def _most_bytes(known: Mapping[str, Tensor]) -> int:
    """Return how many bytes the result of a layer may have, by what is known before the first."""
    return max(MOST_UNCHECKED, MOST_TIMES * sum(tensor.nbytes for tensor in known.values()))


def inputs_of(node: Node, tensors: Mapping[str, Any]) -> list[Any] | None:
    """Return a node's inputs, None in places of absent ones; None if one is not known."""
    if any(name and name not in tensors for name in node.inputs):
        return None
    return [tensors[name] if name else None for name in node.inputs]


def _with_values(
    node: Node, inputs: Sequence[Tensor | None], found: tuple[Tensor, ...], folded: "_Budget"
) -> tuple[Tensor, ...]:
    """Return the tensors with their numbers, if those depend on numbers that are known."""
    if not found or all(tensor.value is not None for tensor in found):
        return found
    if any(tensor is not None and tensor.value is None for tensor in inputs):
        return found
    folded.take(node, sum(tensor.nbytes for tensor in found))
    with np.errstate(all="ignore"):
        arrays = run_node(node, [None if one is None else one.value for one in inputs])
    return tuple(replace(tensor, value=array) for tensor, array in zip(found, arrays, strict=False))


class _Budget:
    """The memory that is left for constants."""

    def __init__(self) -> None:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        self._left = int(memory * MOST_FOLDED)

    def take(self, node: Node, size: int) -> None:
        """Use some of it, or refuse."""
        if size > self._left:
            raise TooLargeError(
                f"{node}: constants must fit into half of this machine's memory, of which "
                f"{self._left / 2**30:.4g} GiB are left; {size / 2**30:.4g} GiB are asked for"
            )
        self._left -= size


def folded(graph: Graph) -> Graph:
    """Return the graph with everything computed that depends on constants alone, and nothing superfluous."""
    tensors = infer(graph, {})
    nodes, constants = [], dict(graph.constants)
    for node in graph.needed(graph.outputs):
        found = [tensors.get(name) for name in node.outputs if name]
        if found and all(tensor is not None and tensor.value is not None for tensor in found):
            constants |= {name: tensors[name].value for name in node.outputs if name}  # type: ignore[misc]
        else:
            nodes.append(node)
    read = {name for node in nodes for name in node.inputs} | set(graph.outputs)
    kept = {name: array for name, array in constants.items() if name in read}
    return Graph(graph.inputs, tuple(nodes), kept, graph.outputs, graph.fixed)
