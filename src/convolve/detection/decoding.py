"""From what the network learned to say to what a detector gives: one table of boxes and scores, as YOLO's.

The nodes are the network's last ones, so that any runtime of ONNX gives finished boxes, for every size.
"""

from typing import Any

import numpy as np

from convolve.detection.loss import BEFORE_CLASSES, FARTHEST
from convolve.detection.network import STRIDES
from convolve.dtypes import Array
from convolve.nn.graph import Graph, make_node
from convolve.nn.network import Network
from convolve.nn.operation import Node

OUTPUT = "detections"


def decoded(raw: Network, classes: int) -> Network:
    """Return a network that gives boxes and scores.

    Parameters
    ----------
    raw
        As `raw_network` made it, trained.
    classes
        How many it tells apart.

    Returns
    -------
    Network
        From (N, 3, height, width), from 0 to 1, to (N, 4 + classes, places): x and y of the box's middle,
        width and height in pixels, and a score from 0 to 1 for each class.

    Examples
    --------
    >>> from convolve.detection.network import raw_network
    >>> decoded(raw_network(10), 10)(np.zeros((1, 3, 64, 96), np.float32)).shape
    (1, 14, 126)
    """
    added = _Added()
    centres, strides = added.places()
    (output,) = raw.outputs
    sizes = np.array([2, 2, 1, classes])
    low, high, logit, kinds = added.split(output, sizes)
    apart = [
        added("Mul", added("Exp", added("Clip", one, None, np.float32(FARTHEST))), strides)
        for one in (low, high)
    ]
    first, second = added("Sub", centres, apart[0]), added("Add", centres, apart[1])
    middle = added("Mul", added("Add", first, second), np.float32(0.5))
    scores = added("Mul", added("Sigmoid", logit), added("Softmax", kinds, axis=1))
    added("Concat", middle, added("Sub", second, first), scores, axis=1, output=OUTPUT)
    graph = raw.graph
    constants = {**graph.constants, **added.constants}
    fixed = graph.fixed | set(added.constants)
    return Network(Graph(graph.inputs, (*graph.nodes, *added.nodes), constants, (OUTPUT,), fixed))


class _Added:
    """Nodes that are added to a graph."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}

    def __call__(self, operation: str, *inputs: Any, output: str = "", **attributes: Any) -> str:
        """Add a node on names and constants, and return the name of what it gives."""
        name = output or f"decode{len(self.nodes)}"
        names = [self._name(one) for one in inputs]
        self.nodes.append(make_node(operation, names, [name], name, attributes))
        return name

    def split(self, value: str, sizes: Array) -> list[str]:
        """Return the parts of a value along its channels."""
        name = f"decode{len(self.nodes)}"
        parts = [f"{name}.{place}" for place in range(len(sizes))]
        self.nodes.append(make_node("Split", [value, self._name(sizes)], parts, name, {"axis": 1}))
        return parts

    def places(self) -> tuple[str, str]:
        """Return the centres (2, places) and the strides (1, places) of all places, in pixels."""
        parts = [self._grid(f"head{place}", stride) for place, stride in enumerate(STRIDES)]
        x, y, strides = (self("Concat", *same, axis=1) for same in zip(*parts, strict=True))
        return self("Concat", x, y, axis=0), strides

    def _grid(self, head: str, stride: int) -> tuple[str, str, str]:
        """Return x, y and stride, each (1, places), of the grid of one head (N, channels, rows, columns)."""
        shape = self("Shape", head)
        rows, columns = (self._along(shape, axis, stride) for axis in (2, 3))
        upright = self("Reshape", rows, np.array([-1, 1]))
        nothing = np.float32(0)
        x = self("Add", self("Mul", upright, nothing), columns)
        y = self("Add", self("Mul", columns, nothing), upright)
        strides = self("Add", self("Mul", x, nothing), np.float32(stride))
        return tuple(self("Reshape", one, np.array([1, -1])) for one in (x, y, strides))  # type: ignore[return-value]

    def _along(self, shape: str, axis: int, stride: int) -> str:
        """Return the middles of the cells along one dimension, in pixels."""
        count = self("Gather", shape, np.array(axis))
        numbers = self("Cast", self("Range", np.array(0), count, np.array(1)), to=np.dtype(np.float32))
        return self("Mul", self("Add", numbers, np.float32(0.5)), np.float32(stride))

    def _name(self, one: Any) -> str:
        if one is None or isinstance(one, str):
            return one or ""
        name = f"decode.constant{len(self.constants)}"
        self.constants[name] = np.asarray(one)
        return name


assert BEFORE_CLASSES == 5  # the sizes above: 2 + 2 distances and one logit stand before the classes
