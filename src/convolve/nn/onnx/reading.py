"""`load`: an ONNX file as a network. Nothing in the file is trusted: it is parsed, checked, then used.

The file's bytes become a message (the package onnx), tensors become arrays (`tensors`), nodes of old opsets
become present ones (`upgrades`), and `graph.make_node` checks every attribute against our own table.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from convolve.errors import ArgumentTypeError, FileAccessError, FileFormatError, FileMissingError
from convolve.nn.graph import Graph, Input, make_node
from convolve.nn.network import Network
from convolve.nn.onnx.draft import Context, Draft
from convolve.nn.onnx.package import FACTS, NEWEST, OLDEST, dtype_of, onnx_package
from convolve.nn.onnx.tensors import MOST_DIMENSIONS, array_of
from convolve.nn.onnx.upgrades import UPGRADES, upgraded
from convolve.nn.operation import Node
from convolve.nn.operations import OPERATIONS

LARGEST_FILE = 2**31
"""Bytes of a model's own file; the format (protobuf) allows no more."""

DTYPE_ATTRIBUTES = {
    "Cast": ("to",),
    "QuantizeLinear": ("output_dtype", "precision"),
    "DequantizeLinear": ("output_dtype",),
}
"""Attributes that are a number of a dtype; 0 stands for none."""


def load(path: str | Path) -> tuple[Network, dict[str, Any]]:
    """Read a network, and the facts that `save` put beside it, from an ONNX file; see `convolve.load`."""
    if not isinstance(path, str | Path):
        raise ArgumentTypeError(f"path must be a path, got {type(path).__name__}")
    file = Path(path)
    model = _parsed(_bytes_of(file), str(file))
    return network_of(model, file.parent), _facts(model, str(file))


def _facts(model: Any, name: str) -> dict[str, Any]:
    """Return what `save` put into the file's metadata, and as "metadata" the texts of other programs."""
    texts = [one.value for one in model.metadata_props if one.key == FACTS]
    try:
        found = json.loads(texts[-1]) if texts else {}
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{name}: the metadata {FACTS!r} is damaged: {error}") from None
    if not isinstance(found, dict):
        raise FileFormatError(f"{name}: the metadata {FACTS!r} must be a JSON object")
    others = {one.key: one.value for one in model.metadata_props if one.key != FACTS}
    return {**found, "metadata": others} if others else found


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise FileMissingError(f"there is no file {path}; check its name and folder") from None
    except (OSError, ValueError) as error:
        raise FileAccessError(f"{path} cannot be read: {error}") from None
    if len(data) > LARGEST_FILE:
        raise FileFormatError(
            f"{path} must have at most {LARGEST_FILE} bytes; keep weights in a file beside it"
        )
    return data


def _parsed(data: bytes, name: str) -> Any:
    onnx = onnx_package()
    from google.protobuf.message import DecodeError  # onnx depends on it

    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, RuntimeError, ValueError):
        raise FileFormatError(f"{name} is damaged or no ONNX file") from None
    if not model.HasField("graph"):
        raise FileFormatError(f"{name} is no ONNX file: it holds no graph")
    _check_text(model, name)
    return model


TEXT, MESSAGE = 9, 11
"""Protobuf's numbers of kinds of fields."""

REPEATED = 3
"""Its number of fields that may be there many times, in releases before `is_repeated`."""


def _check_text(message: Any, name: str) -> None:
    """Refuse names that are no text: what is not UTF-8 comes as bytes. The parser bounds the depth (100)."""
    for field in message.DESCRIPTOR.fields:  # asking for all fields would copy every weight
        if field.type not in (TEXT, MESSAGE):
            continue
        many = field.is_repeated if hasattr(field, "is_repeated") else field.label == REPEATED
        if not many and not message.HasField(field.name):
            continue
        value = getattr(message, field.name)
        for one in value if many else [value]:
            if field.type == MESSAGE:
                _check_text(one, name)
            elif not isinstance(one, str):
                raise FileFormatError(f"{name} is damaged: a {field.name} must be text, got {one[:40]!r}")


def network_of(model: Any, folder: Path | None = None) -> Network:
    """Return the network of a parsed model.

    Parameters
    ----------
    model
        An ``onnx.ModelProto``.
    folder
        Where files with weights lie; None if there are none.
    """
    return Network(graph_of(model, folder))


def graph_of(model: Any, folder: Path | None) -> Graph:
    """Return the graph of a parsed model."""
    opset, graph = _opset(model), model.graph
    _check_supported(graph.node)
    if graph.sparse_initializer:
        raise FileFormatError("sparse initializers are not supported; store them as plain ones")
    constants = {}
    for tensor in graph.initializer:
        if tensor.name in constants or not tensor.name:
            raise FileFormatError(
                f"initializers must have names of their own, got {tensor.name!r} twice or empty"
            )
        constants[tensor.name] = array_of(tensor, folder)
    inputs = tuple(_input(one) for one in graph.input if one.name not in constants)
    context = Context(opset, constants, _ndims([*graph.input, *graph.value_info]))
    names = _names(graph.node)
    drafts = [_draft(node, name, folder) for node, name in zip(graph.node, names, strict=True)]
    nodes = [_node(new, opset) for draft in drafts for new in upgraded(draft, context)]
    return Graph(inputs, tuple(nodes), constants, tuple(one.name for one in graph.output))


def _opset(model: Any) -> int:
    """Return the opset of ONNX's own operations."""
    versions = [one.version for one in model.opset_import if one.domain in ("", "ai.onnx")]
    version = versions[0] if versions else 1
    if not OLDEST <= version <= NEWEST:
        raise FileFormatError(
            f"opsets {OLDEST} to {NEWEST} are read, this file has opset {version}; convert it"
        )
    return int(version)


def _check_supported(nodes: Iterable[Any]) -> None:
    """Refuse operations that we do not have, all at once."""
    missing: dict[str, int] = {}
    for node in nodes:
        known = node.op_type in OPERATIONS and OPERATIONS[node.op_type].onnx
        if node.domain not in ("", "ai.onnx") or not (known or node.op_type in UPGRADES):
            kind = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            missing[kind] = missing.get(kind, 0) + 1
    if missing:
        listed = ", ".join(f"{kind} ({count} ×)" for kind, count in sorted(missing.items()))
        raise FileFormatError(f"these operations are not supported: {listed}")


def _names(nodes: Sequence[Any]) -> list[str]:
    """Return a name of its own for every node."""
    used: set[str] = set()
    names = []
    for place, node in enumerate(nodes):
        name = found = node.name or f"{node.op_type.lower()}{place}"
        while found in used:
            found = f"{name}.{len(used)}"
        used.add(found)
        names.append(found)
    return names


def _input(info: Any) -> Input:
    kind = info.type.tensor_type
    if not info.type.HasField("tensor_type") or not kind.HasField("shape"):
        raise FileFormatError(f"input {info.name!r} must be a tensor whose number of dimensions is known")
    sizes: list[int | str | None] = []
    for dim in kind.shape.dim:
        sizes.append(dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None)
        if isinstance(sizes[-1], int) and not 0 <= sizes[-1] < 2**31:
            raise FileFormatError(
                f"input {info.name!r} must have sizes that an array can have, got {sizes[-1]}"
            )
    if len(sizes) > MOST_DIMENSIONS:
        raise FileFormatError(f"input {info.name!r} must have at most {MOST_DIMENSIONS} dimensions")
    return Input(info.name, tuple(sizes), dtype_of(kind.elem_type, f"input {info.name!r}"))


def _ndims(infos: Iterable[Any]) -> dict[str, int]:
    """Return how many dimensions tensors have, where the file says so."""
    shapes = {info.name: info.type.tensor_type for info in infos if info.type.HasField("tensor_type")}
    return {name: len(kind.shape.dim) for name, kind in shapes.items() if kind.HasField("shape")}


def _draft(node: Any, name: str, folder: Path | None) -> Draft:
    draft = Draft(node.op_type, list(node.input), list(node.output), name)
    for attribute in node.attribute:
        if attribute.name in draft.attributes:
            raise draft.refuse(f"attribute {attribute.name} must be given once")
        draft.attributes[attribute.name] = _attribute(attribute, draft, folder)
    for key in DTYPE_ATTRIBUTES.get(draft.operation, ()):
        number = draft.attributes.pop(key, 0)
        if not isinstance(number, int):
            raise draft.refuse(f"{key} must be a number of a dtype, got {number!r}")
        if number:
            draft.attributes[key] = dtype_of(number, f"{draft.name} ({draft.operation}): {key}")
    while draft.inputs and not draft.inputs[-1]:
        draft.inputs.pop()
    while draft.outputs and not draft.outputs[-1]:
        draft.outputs.pop()
    return draft


def _attribute(attribute: Any, draft: Draft, folder: Path | None) -> Any:
    """Return an attribute as a Python value."""
    kinds = {1: "f", 2: "i", 3: "s", 6: "floats", 7: "ints"}
    if attribute.ref_attr_name:
        raise draft.refuse(f"attribute {attribute.name} must have a value, it names another attribute")
    if attribute.type == 4:
        return array_of(attribute.t, folder)
    if attribute.type not in kinds:
        raise draft.refuse(
            f"attribute {attribute.name} must be a number, a list of numbers, a text or a tensor"
        )
    value = getattr(attribute, kinds[attribute.type])
    if attribute.type == 3:
        return value.decode("utf-8", "replace")
    return list(value) if attribute.type in (6, 7) else value


def _node(draft: Draft, opset: int) -> Node:
    if draft.operation not in OPERATIONS:
        raise draft.refuse(f"opset {opset} has no such operation any more")
    return make_node(draft.operation, draft.inputs, draft.outputs, draft.name, draft.attributes)
