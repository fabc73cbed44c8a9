"""Networks in files of our own: safetensors, which hold numbers and text and can run nothing.

The graph is JSON in the file's metadata, and read like any foreign file: every operation, attribute and shape
is checked as if somebody had typed it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import (
    ConvolveError,
    FileAccessError,
    FileFormatError,
    FileMissingError,
    MissingExtraError,
)
from convolve.files.atomic import write_bytes
from convolve.files.picture import check_path
from convolve.nn.graph import Graph, Input, make_node
from convolve.nn.network import Network
from convolve.nn.operation import Node
from convolve.nn.operations import OPERATIONS

FORMAT = "convolve network 1"
SUFFIX = ".safetensors"
WEIGHTS = "weights/"


def write(
    path: Path, network: Network, tensors: Mapping[str, Array], more: Mapping[str, Any], *, force: bool
) -> None:
    """Write a network with further tensors and further facts."""
    numpy = package().numpy
    weights = {WEIGHTS + name: array for name, array in network.graph.constants.items()}
    whole = {name: np.ascontiguousarray(array) for name, array in {**weights, **tensors}.items()}
    text = json.dumps({"format": FORMAT, **more, "graph": as_json(network.graph)})
    try:
        data = numpy.save(whole, {"convolve": text})
    except (KeyError, ValueError, TypeError) as error:
        raise FileFormatError(f"safetensors cannot hold this network: {error}; export it to ONNX") from None
    write_bytes(path, data, force=force)


def read(path: str | Path) -> tuple[Network, dict[str, Array], dict[str, Any]]:
    """Return (network, further tensors, facts) of a file that `write` made.

    Raises
    ------
    FileMissingError, FileFormatError
        If there is no such file, or it is damaged or another program's.
    """
    check_path(path)
    tensors, text = contents(Path(path))
    try:
        facts = json.loads(text)
        if facts["format"] != FORMAT:
            raise FileFormatError(f"{path} must be of format {FORMAT!r}, it is {facts['format']!r}")
        weights = {
            name.removeprefix(WEIGHTS): array for name, array in tensors.items() if name.startswith(WEIGHTS)
        }
        network = Network(from_json(facts.pop("graph"), weights))
        del facts["format"]
    except ConvolveError as error:
        raise FileFormatError(f"{path} is damaged: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FileFormatError(f"{path} is damaged or no network of convolve's: {error!r}") from None
    rest = {name: array for name, array in tensors.items() if not name.startswith(WEIGHTS)}
    return network, rest, facts


def contents(path: Path) -> tuple[dict[str, Array], str]:
    """Return the tensors of a safetensors file of ours, and the text that says what they are."""
    safetensors = package()
    try:
        with safetensors.safe_open(str(path), framework="np") as file:
            text = (file.metadata() or {}).get("convolve", "")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
    except FileNotFoundError:
        raise FileMissingError(
            f"a model must exist to be read, but there is no {path}; check the path"
        ) from None
    except OSError as error:
        raise FileAccessError(f"{path} cannot be read: {error}; check the path") from None
    except safetensors.SafetensorError as error:
        raise FileFormatError(f"{path} is damaged or no safetensors file: {error}") from None
    if not text:
        raise FileFormatError(f"{path} holds tensors but no network of convolve's; nn.save writes such files")
    return tensors, text


def package() -> Any:
    """Return the package safetensors, or say what brings it."""
    try:
        import safetensors
        import safetensors.numpy
    except ImportError:
        raise MissingExtraError.of("safetensors", "train", "writing and reading networks") from None
    return safetensors


def as_json(graph: Graph) -> dict[str, Any]:
    """Return a graph without its numbers, as JSON takes it."""
    return {
        "inputs": [[one.name, list(one.shape), str(one.dtype)] for one in graph.inputs],
        "nodes": [_node_as_json(node) for node in graph.nodes],
        "outputs": list(graph.outputs),
        "fixed": sorted(graph.fixed & set(graph.constants)),
    }


def _node_as_json(node: Node) -> list[Any]:
    defaults = OPERATIONS[node.operation].attributes
    given = {}
    for name, value in node.attributes.items():
        if value is None or (not isinstance(value, np.ndarray) and value == defaults[name].default):
            continue
        given[name] = _value_as_json(value)
    return [node.operation, list(node.inputs), list(node.outputs), node.name, given]


def _value_as_json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {"dtype": str(value.dtype), "shape": list(value.shape), "numbers": value.reshape(-1).tolist()}
    return str(value) if isinstance(value, np.dtype) else value


def from_json(given: Mapping[str, Any], constants: Mapping[str, Array]) -> Graph:
    """Return the graph that `as_json` wrote, every part checked."""
    inputs = tuple(Input(name, tuple(shape), np.dtype(dtype)) for name, shape, dtype in given["inputs"])
    nodes = []
    for operation, reads, writes, name, attributes in given["nodes"]:
        if operation not in OPERATIONS:
            raise FileFormatError(f"operation {operation!r} is not known; a newer convolve may have it")
        values = {key: _value_from_json(value) for key, value in attributes.items()}
        nodes.append(make_node(operation, reads, writes, name, values))
    fixed = frozenset(given["fixed"])
    return Graph(inputs, tuple(nodes), constants, tuple(given["outputs"]), fixed)


def _value_from_json(value: Any) -> Any:
    if isinstance(value, dict):
        return np.array(value["numbers"], value["dtype"]).reshape(value["shape"])
    return value
