"""ONNX files that are wrong or hostile: our error or success, and nothing outside their folder is read."""

import os
import random
import resource
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.errors import ConvolveError, FileAccessError, FileFormatError, FileMissingError
from convolve.nn.network import Network
from convolve.nn.onnx.writing import model_of
from tests.nn.mutating import damaged
from tests.nn.node_cases import as_arrays, node_cases
from tests.nn.random_graphs import drawn
from tests.peers import peer
from tests.seeds import seed

onnx = peer("onnx")
MUTANTS = int(os.environ.get("CONVOLVE_F11", "1000"))
SECONDS = 5.0
MOST_MEMORY = 2**20
"""KiB by which the process may grow: a GiB."""

OPENED: list[str] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str):
        OPENED.append(arguments[0])


sys.addaudithook(_note)


def test_mutated_files(tmp_path: Path) -> None:
    draw = random.Random(seed())
    file, ran = model_folder(tmp_path) / "model.onnx", 0
    cases, networks = node_cases(), weighted_networks()
    kinds = sorted(cases), sorted(networks)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(MUTANTS):
        name = draw.choice(draw.choice(kinds))
        model = networks[name] if name in networks else cases[name].model
        file.write_bytes(damaged(model, draw))
        start = time.perf_counter()
        try:
            network = loaded(file)
            arrays = [IMAGE] if name in networks else as_arrays(cases[name].data_sets[0][0])
            network(*inputs_for(network, arrays))
            ran += 1
        except ConvolveError as error:
            assert len(str(error)) > 15
        assert time.perf_counter() - start < SECONDS, f"mutant {number} of {name}, seed {seed()}"
    assert MUTANTS // 20 < ran < MUTANTS - MUTANTS // 20
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < MOST_MEMORY, f"{grown / 2**20:.2g} GiB more, seed {seed()}"


IMAGE = np.zeros((1, 3, 16, 15), np.float32)


@cache
def weighted_networks() -> dict[str, Any]:
    """Return networks of many layers with weights, as models that take `IMAGE`."""
    networks = {f"network {number}": drawn(number) for number in range(60)}
    taken = {name: one for name, one in networks.items() if one.inputs[0].shape[1:] == IMAGE.shape[1:]}
    return {name: model_of(one) for name, one in taken.items()}


def model_folder(tmp_path: Path) -> Path:
    """Return a folder for models, with weights, links that lead out of it, and a secret beside it."""
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    for path in (tmp_path / "secret", folder / "weights.bin", folder / "sub" / "weights.bin"):
        path.write_bytes(bytes(2**16))
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "hard").hardlink_to(tmp_path / "secret")
    return folder


def loaded(file: Path) -> Network:
    """Load a file; nothing outside its folder may be opened on the way, whether it succeeds or not."""
    OPENED.clear()
    try:
        return convolve.load(file)
    finally:
        inside = [Path(path).resolve() for path in OPENED if not path.endswith((".py", ".pyc", ".so"))]
        assert all(path.is_relative_to(file.parent.resolve()) for path in inside), inside


def inputs_for(network: Network, arrays: list[Any]) -> list[Any]:
    """Return the case's arrays in the dtypes that the mutant asks for."""
    with np.errstate(all="ignore"):  # by way of bytes: some dtypes of four bits do not turn into each other
        return [
            (array.astype(np.int8) if array.dtype.kind == "V" else array).astype(one.dtype)
            for one, array in zip(network.inputs, arrays, strict=False)
        ]


def convolution(**attributes: Any) -> Any:
    """Return a model of one convolution whose weight is kept inside."""
    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], name="layer", **attributes)
    x = onnx.helper.make_tensor_value_info("x", 1, [1, 4, 8, 8])
    y = onnx.helper.make_tensor_value_info("y", 1, None)
    weight = onnx.numpy_helper.from_array(np.ones((4, 4, 3, 3), np.float32), "w")
    return onnx.helper.make_model(onnx.helper.make_graph([node], "g", [x], [y], [weight]))


def edited(change: Callable[[Any], Any]) -> Any:
    model = convolution()
    change(model.graph)
    return model


def weights(*shape: int) -> Any:
    """Return a model whose weight claims a shape."""

    def change(graph: Any) -> None:
        del graph.initializer[0].dims[:]
        graph.initializer[0].dims.extend(shape)

    return edited(change)


def pads(graph: Any, size: int) -> None:
    """Let the convolution have so many cells of border before its first row."""
    node = next(one for one in graph.node if one.op_type == "Conv")
    kept = [one for one in node.attribute if one.name not in ("pads", "auto_pad")]
    del node.attribute[:]
    node.attribute.extend([*kept, onnx.helper.make_attribute("pads", [size, 0, 0, 0])])


def two_nodes(graph: Any) -> None:
    graph.node.append(onnx.helper.make_node("Bogus", ["y"], ["z"], domain="com.example"))
    graph.node.append(onnx.helper.make_node("LSTM", ["z"], ["a"]))
    graph.node.append(onnx.helper.make_node("If", ["a"], ["b"]))


def absurd(operation: str, *numbers: int, dtype: Any = np.int64) -> Any:
    """Return a model that makes something huge from a few numbers."""
    names = [f"n{place}" for place in range(len(numbers))]
    lists = [
        onnx.numpy_helper.from_array(np.array(number if operation == "Range" else [number], dtype), name)
        for name, number in zip(names, numbers, strict=True)
    ]
    node = onnx.helper.make_node(operation, names, ["y"], name="layer")
    y = onnx.helper.make_tensor_value_info("y", 1, None)
    return onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], [y], lists))


def doubled(times: int) -> Any:
    nodes = [onnx.helper.make_node("Concat", [f"x{k}"] * 2, [f"x{k + 1}"], axis=0) for k in range(times)]
    x = onnx.helper.make_tensor_value_info("x0", 1, [2])
    y = onnx.helper.make_tensor_value_info(f"x{times}", 1, None)
    return onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [x], [y]))


HOSTILE: dict[str, tuple[Callable[[], Any], str]] = {
    "group 0": (lambda: convolution(group=0), r"layer \(Conv\): group must be a whole number from 1"),
    "stride 0": (lambda: convolution(strides=[0, 1]), "strides must be a whole number from 1"),
    "dilation 0": (lambda: convolution(dilations=[0, 1]), "dilations must be a whole number from 1"),
    "kernel 0": (lambda: convolution(kernel_shape=[0, 1]), "kernel_shape must be"),
    "negative pads": (lambda: convolution(pads=[-1, 0, 0, 0]), "pads must be a whole number from 0"),
    "huge pads": (lambda: convolution(pads=[2**31 - 1] * 4), r"layer \(Conv\): .*must"),
    "huge stride": (lambda: convolution(strides=[2**62, 1]), "strides must be"),
    "too few strides": (lambda: convolution(strides=[1]), "strides must have one number for each of 2"),
    "text for a number": (lambda: convolution(group="text"), "group must be a whole number"),
    "unknown attribute": (lambda: convolution(speed=3), "attributes must be among .*; got speed"),
    "many strides": (lambda: convolution(strides=[1] * 10_000), "at most 4096 numbers"),
    "not supported": (
        lambda: edited(two_nodes),
        r"not supported: If \(1 ×\), LSTM \(1 ×\), com.example.Bogus \(1 ×\)",
    ),
    "short weights": (lambda: weights(4, 4, 3, 3, 2), "must have 1152 bytes, got 576"),
    "absurd weights": (lambda: weights(4, 4, 3, 3, 2**62), "sizes that an array can have"),
    "negative weights": (lambda: weights(4, 4, -3, -3), "sizes that an array can have"),
    "no weights, absurdly wide": (lambda: weights(0, 2**61, 2**61), "sizes that an array can have"),
    "weights of 100 dimensions": (lambda: weights(*[1] * 100), "sizes that an array can have"),
    "weights twice": (
        lambda: edited(lambda g: g.initializer.append(g.initializer[0])), "must have names of their own",
    ),
    "a cycle": (
        lambda: edited(lambda g: g.node[0].input.__setitem__(0, "y")), "must come from an earlier node",
    ),
    "written twice": (lambda: edited(lambda g: g.node.append(g.node[0])), "'y' must be new"),
    "no output": (lambda: edited(lambda g: g.output.pop()), "got no output"),
    "an input without a shape": (
        lambda: edited(lambda g: g.input[0].type.tensor_type.ClearField("shape")), "input 'x' must be",
    ),
    "a huge constant": (lambda: absurd("ConstantOfShape", 2**40), "layer .*must fit into memory"),
    "a huge range": (lambda: absurd("Range", 0, 2**40, 1), "a range must have at most 2³¹ numbers"),
    "doubled sixty times": (lambda: doubled(60), "0.25 GiB, the larger of 0.25 and 1000 times"),
    "a padding of sixteen million cells": (
        lambda: edited(lambda g: pads(g, 2**24)), r"must have at most .*check the layer's attributes",
    ),
}  # fmt: skip
"""What is wrong -> (the model, words of the refusal)."""


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_model(case: str, tmp_path: Path) -> None:
    make, words = HOSTILE[case]
    file = tmp_path / "model.onnx"
    file.write_bytes(make().SerializeToString())
    with pytest.raises(ConvolveError, match=words):
        convolve.load(file)


@pytest.mark.parametrize("data", [b"", b"\0", b"not a model", b"\x08\x07", bytes(range(256))])
def test_no_model(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(data)
    with pytest.raises(FileFormatError, match="damaged or no ONNX file|it holds no graph"):
        convolve.load(file)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileMissingError, match="there is no file"):
        convolve.load(tmp_path / "none.onnx")
    with pytest.raises(FileAccessError, match="cannot be read"):
        convolve.load(tmp_path)


def beside(tmp_path: Path, location: str, **entries: str) -> Path:
    """Write a model whose weight is kept elsewhere, and return its path."""
    model = convolution()
    (weight,) = model.graph.initializer
    data = weight.raw_data
    weight.ClearField("raw_data")
    weight.data_location = 1
    for key, value in {"location": location, **entries}.items():
        entry = weight.external_data.add()
        entry.key, entry.value = key, value
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"junk" + data)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "secret").write_bytes(data)
    return folder / "model.onnx"


def test_weights_beside_the_model(tmp_path: Path) -> None:
    network = convolve.load(beside(tmp_path, "weights.bin", offset="4", length="576"))
    image = np.ones((1, 4, 8, 8), np.float32)
    np.testing.assert_array_equal(network(image), np.full((1, 4, 6, 6), 36))


ELSEWHERE = (
    "../secret", "sub/../../secret", "/etc/hostname", "", "..", "C:\\secret", "\\\\host\\secret",
    "..\\secret", "a\0b",
)  # fmt: skip


@pytest.mark.parametrize("location", ELSEWHERE)
def test_weights_elsewhere_are_not_read(location: str, tmp_path: Path) -> None:
    path = beside(tmp_path, location)
    OPENED.clear()
    with pytest.raises(FileFormatError, match="must be kept in the model's own folder"):
        convolve.load(path)
    assert not any("secret" in opened or "hostname" in opened for opened in OPENED)


@pytest.mark.parametrize("kind", ["symlink", "hard link", "folder link", "fifo", "folder"])
def test_links_are_not_followed(kind: str, tmp_path: Path) -> None:
    path = beside(tmp_path, "sub/data" if kind == "folder link" else "data")
    data = path.parent / "data"
    if kind == "symlink":
        data.symlink_to(tmp_path / "secret")
    elif kind == "hard link":
        data.hardlink_to(tmp_path / "secret")
    elif kind == "fifo":
        os.mkfifo(data)
    elif kind == "folder":
        data.mkdir()
    else:
        (tmp_path / "data").write_bytes((tmp_path / "secret").read_bytes())
        (path.parent / "sub").symlink_to(tmp_path)
    with pytest.raises(FileFormatError, match="must be kept in a plain file"):
        convolve.load(path)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"offset": "5"}, "ends at byte 581, but 'weights.bin' has 580"),
        ({"length": "575"}, "must have 576 bytes of external data, the file says 575"),
        ({"offset": "-1"}, "offset must be a whole number"),
        ({"offset": str(2**63)}, "offset must be a whole number"),
        ({"length": "many"}, "length must be a whole number"),
    ],
)
def test_numbers_that_are_not_in_the_file(entries: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=words):
        convolve.load(beside(tmp_path, "weights.bin", **entries))


@pytest.mark.parametrize("location", [5000 * "n", 3000 * "sub/" + "n", "weights.bin/inside"])
def test_names_that_no_file_can_have(location: str, tmp_path: Path) -> None:
    path = beside(tmp_path, location)
    (path.parent / "sub").mkdir()
    with pytest.raises(ConvolveError, match=r"which cannot be read|is not beside the model"):
        convolve.load(path)


def test_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(FileMissingError, match="is kept in other.bin, which is not beside the model"):
        convolve.load(beside(tmp_path, "other.bin"))
