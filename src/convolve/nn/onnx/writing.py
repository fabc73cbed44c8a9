"""`save`: a network as an ONNX file, which any runtime of ONNX reads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from convolve.errors import ArgumentError, ArgumentTypeError
from convolve.files.atomic import write_bytes
from convolve.nn.graph import Graph, Input
from convolve.nn.network import Network
from convolve.nn.onnx.draft import Context, Draft
from convolve.nn.onnx.lowering import LOWERINGS
from convolve.nn.onnx.package import FACTS, number_of, onnx_package
from convolve.nn.operation import Node
from convolve.nn.operations import OPERATIONS
from convolve.nn.tensor import Tensor

OPSET, IR = 22, 10
"""What files are written in: opset and format of onnx 1.17 (2024), the first whose rules of shapes leave out
the last window of a pooling that lies in the padding alone, as its results always did."""

LARGEST_MODEL = 2**31 - 2**20
"""Bytes of all weights; the format (protobuf) allows no file of 2 GiB."""


def save(
    network: Network, path: str | Path, facts: Mapping[str, Any] | None = None, *, force: bool = False
) -> None:
    """Write a network as an ONNX file, with further facts in its metadata; see `convolve.nn.save`.

    Examples
    --------
    >>> import tempfile
    >>> from convolve import load, nn
    >>> network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.SiLU(), input_shape=(1, 28, 28))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nn.save(network, f"{folder}/network.onnx")
    ...     load(f"{folder}/network.onnx").layers
    ('conv2d1', 'silu1.sigmoid', 'silu1')
    """
    if not isinstance(path, str | Path):
        raise ArgumentTypeError(f"path must be a path, got {type(path).__name__}")
    model = model_of(network)
    if facts:
        onnx_package().helper.set_model_props(model, {FACTS: json.dumps(dict(facts))})
    data = model.SerializeToString(deterministic=True)
    write_bytes(Path(path), data, force=force)


def model_of(network: Network) -> Any:
    """Return a network as an ``onnx.ModelProto``."""
    graph = network.graph
    size = sum(array.nbytes for array in graph.constants.values())
    if size > LARGEST_MODEL:
        raise ArgumentError(
            f"an ONNX file holds at most 2 GiB, this network has {size / 2**30:.4g} GiB of weights"
        )
    onnx, known = onnx_package(), network.known()
    any_size = any(not isinstance(size, int) for one in graph.inputs for size in one.shape[1:])
    context = Context(OPSET, dict(graph.constants), any_size=any_size)
    drafts = [new for node in graph.nodes for new in _lowered(node, context, known)]
    nodes = [_node(draft, known) for draft in drafts]
    weights = [onnx.numpy_helper.from_array(array, name) for name, array in context.constants.items()]
    inputs = [_input(one) for one in graph.inputs]
    outputs = [_output(name, known, graph) for name in graph.outputs]
    made = onnx.helper.make_graph(nodes, "network", inputs, outputs, weights)
    opsets = [onnx.helper.make_opsetid("", OPSET)]
    model = onnx.helper.make_model(made, opset_imports=opsets, ir_version=IR, producer_name="convolve")
    onnx.checker.check_model(model)
    return model


def _lowered(node: Node, context: Context, known: Mapping[str, Tensor]) -> list[Draft]:
    """Return the nodes that mean the same in the opset that is written."""
    draft = Draft(node.operation, list(node.inputs), list(node.outputs), node.name, dict(node.attributes))
    rule = LOWERINGS.get(node.operation)
    return [draft] if rule is None else rule(draft, context, known)


def _node(draft: Draft, known: Mapping[str, Tensor]) -> Any:
    onnx = onnx_package()
    if not onnx.defs.has(draft.operation) or not _exists(draft.operation):
        raise ArgumentError(f"{draft.name} ({draft.operation}): opset {OPSET} of ONNX has no such operation")
    table = OPERATIONS[draft.operation].attributes
    given = {
        name: _attribute(value)
        for name, value in draft.attributes.items()
        if value is not None and (table[name].required or value != table[name].default)
    }
    return onnx.helper.make_node(draft.operation, draft.inputs, draft.outputs, draft.name, **given)


def _exists(operation: str) -> bool:
    onnx = onnx_package()
    try:
        onnx.defs.get_schema(operation, OPSET, "")
    except onnx.defs.SchemaError:
        return False
    return True


def _attribute(value: Any) -> Any:
    """Return an attribute as ONNX writes it."""
    if isinstance(value, np.dtype):
        return number_of(value)
    if isinstance(value, np.ndarray):
        return onnx_package().numpy_helper.from_array(value)
    return int(value) if isinstance(value, bool) else value


def _input(one: Input) -> Any:
    sizes = [size if size is not None else f"{one.name}_{place}" for place, size in enumerate(one.shape)]
    return onnx_package().helper.make_tensor_value_info(one.name, number_of(one.dtype), sizes)


def _output(name: str, known: Mapping[str, Tensor], graph: Graph) -> Any:
    """Return an output's dtype and number of dimensions; its sizes follow from the inputs'."""
    if name not in known:
        raise ArgumentError(
            f"output {name!r} must have a dtype that is known in advance; give the inputs "
            f"{', '.join(map(str, graph.inputs))} sizes, or ask for another output"
        )
    sizes = [f"{name}_{place}" for place in range(known[name].ndim)]
    return onnx_package().helper.make_tensor_value_info(name, number_of(known[name].dtype), sizes)
