"""ONNX models, damaged up to three times: attributes, names, shapes, dtypes, operations, weights, bytes.

`damaged` makes one; every damage changes a model in place.
"""

import random
from typing import Any

from convolve.nn.operations import OPERATIONS
from tests.peers import peer

EXTREME = (0, -1, 1, 2, -2, 7, 63, 65, 2**31 - 1, 2**31, -(2**31), 2**62, -(2**63), 2**63 - 1)
DTYPES = (1, 2, 3, 6, 7, 8, 9, 10, 11, 16, 22, 99)


def _attribute(model: Any, node: Any, draw: random.Random) -> None:
    if not node.attribute:
        return
    one = draw.choice(node.attribute)
    if one.type == 1:
        one.f = draw.choice([0.0, -1.0, float("nan"), float("inf"), 1e30])
    elif one.type == 2:
        one.i = draw.choice(EXTREME)
    elif one.type == 3:
        one.s = draw.choice([b"", b"SAME_UPPER", b"linear", b"nonsense", b"\xff"])
    elif one.type == 4 and one.t.dims:
        one.t.dims[0] = draw.choice(EXTREME)
    elif one.type == 7 and one.ints and draw.random() < 0.7:
        one.ints[draw.randrange(len(one.ints))] = draw.choice(EXTREME)
    elif one.type == 7:
        one.ints.append(draw.choice(EXTREME))


def _new_attribute(model: Any, node: Any, draw: random.Random) -> None:
    name = draw.choice(["axis", "group", "strides", "pads", "mode", "kernel_shape", "to"])
    value = draw.choice([0, 1, [0], [1, 2], "text", 2**40, 0.5])
    node.attribute.append(peer("onnx").helper.make_attribute(name, value))


def _operation(model: Any, node: Any, draw: random.Random) -> None:
    node.op_type = draw.choice(sorted(OPERATIONS))


def _reads(model: Any, node: Any, draw: random.Random) -> None:
    if node.input:
        names = [*(one.name for one in model.graph.input), "", "nowhere", *node.output]
        node.input[draw.randrange(len(node.input))] = draw.choice(names)


def _fewer_inputs(model: Any, node: Any, draw: random.Random) -> None:
    del node.input[-1:]


def _more_outputs(model: Any, node: Any, draw: random.Random) -> None:
    node.output.append(draw.choice(["extra", "", *node.input]))


def _size(model: Any, node: Any, draw: random.Random) -> None:
    if model.graph.input:
        dims = draw.choice(model.graph.input).type.tensor_type.shape.dim
        if dims:
            dims[draw.randrange(len(dims))].dim_value = draw.choice([0, 1, 2, 3, 5, -1, 2**31, 2**62])


def _dtype(model: Any, node: Any, draw: random.Random) -> None:
    if model.graph.input:
        draw.choice(model.graph.input).type.tensor_type.elem_type = draw.choice(DTYPES)


def _opset(model: Any, node: Any, draw: random.Random) -> None:
    model.opset_import[0].version = draw.choice([0, 6, 7, 9, 10, 11, 12, 13, 18, 28, 99])


def _weight(model: Any, node: Any, draw: random.Random) -> None:
    """Let a weight's shape, dtype or bytes lie."""
    if not model.graph.initializer:
        return
    one = draw.choice(model.graph.initializer)
    kind = draw.randrange(4)
    if kind == 0 and one.dims:
        one.dims[draw.randrange(len(one.dims))] = draw.choice(EXTREME)
    elif kind == 1:
        one.dims.append(draw.choice(EXTREME))
    elif kind == 2:
        one.data_type = draw.choice(DTYPES)
    else:
        one.raw_data = one.raw_data[: draw.randrange(len(one.raw_data) + 1)]


PLACES = (
    "weights.bin", "weights.bin", "sub/weights.bin", "link", "link/weights.bin", "hard", "../secret",
    "sub/../../secret", "./../secret", "/etc/passwd", "~/secret", "file:///etc/passwd", "..\\secret",
    "C:/secret", "", ".", "\0", "sub", "model.onnx", "none", 5000 * "n",
    "weights.bin/inside", "sub/" * 3000,
)  # fmt: skip
"""Where weights are said to lie; `test_hostile` makes these files, links and folders."""

NUMBERS = ("0", "4", "-1", "1e9", str(2**31), str(2**63), "9" * 400, "", "many", "\u0664")


def _elsewhere(model: Any, node: Any, draw: random.Random) -> None:
    """Keep a weight in some other file, from some byte on."""
    if not model.graph.initializer:
        return
    one = draw.choice(model.graph.initializer)
    given = {"location": draw.choice(PLACES)}
    given |= {key: draw.choice(NUMBERS) for key in ("offset", "length") if draw.random() < 0.3}
    one.ClearField("raw_data")
    one.data_location = 1
    for key, value in given.items():
        entry = one.external_data.add()
        entry.key, entry.value = key, value


DAMAGES = (
    _attribute, _attribute, _new_attribute, _operation, _reads, _fewer_inputs, _more_outputs, _size, _dtype,
    _opset, _weight, _elsewhere,
)  # fmt: skip


def damaged(model: Any, draw: random.Random) -> bytes:
    """Return the file of a model in which something is wrong."""
    copy = type(model)()
    copy.CopyFrom(model)
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        draw.choice(DAMAGES)(copy, draw.choice(copy.graph.node), draw)
    data = bytearray(copy.SerializeToString())
    if draw.random() < 0.3:
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(len(data))] = draw.choice([0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)])
    if draw.random() < 0.05:
        del data[draw.randrange(len(data)) :]
    return bytes(data)
