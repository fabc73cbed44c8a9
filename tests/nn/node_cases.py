"""ONNX's own node cases, as the installed package generates them: graphs of the operations that we have."""

import importlib
import pkgutil
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from convolve.nn.onnx.tensors import array_of
from convolve.nn.onnx.upgrades import UPGRADES
from convolve.nn.operations import OPERATIONS
from tests.peers import peer

NAMES = (Path(__file__).parent / "onnx_cases.txt").read_text(encoding="utf-8").split()
"""The cases that run, by name, as of onnx 1.23.2."""

REFUSED = {
    "test_training_dropout": "a network that runs drops nothing",
    "test_equal_string": "one of the dtypes",
    "test_identity_sequence": "must be a tensor",
    "test_identity_opt": "must be a tensor",
    "test_not_": "this file has opset 1",
    "test_cast_e8m0_": "one of the dtypes",
}
"""Beginnings of the names of those that are refused -> words of the refusal."""

CORE = (
    "AveragePool", "BatchNormalization", "Col2Im", "Conv", "ConvInteger", "ConvTranspose", "DepthToSpace",
    "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "LpPool", "MaxPool", "MaxUnpool", "Pad",
    "QLinearConv", "Resize", "SpaceToDepth", "Upsample",
)  # fmt: skip
"""Operations of convolution, pooling, padding and resizing; `Upsample` is what `Resize` was up to opset 9."""


@cache
def all_cases() -> dict[str, Any]:
    """Return every case of the package by name; importing a module of cases registers them."""
    node = peer("onnx.backend.test.case.node")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in pkgutil.iter_modules(node.__path__):
            importlib.import_module(f"onnx.backend.test.case.node.{module.name}")
    return {case.name: case for case in node._NodeTestCases}


@cache
def node_cases() -> dict[str, Any]:
    """Return the cases all of whose operations we have."""
    return {name: case for name, case in all_cases().items() if _is_ours(case.model.graph.node)}


def _is_ours(nodes: Any) -> bool:
    return all(node.op_type in OPERATIONS or node.op_type in UPGRADES for node in nodes)


def as_arrays(values: Any) -> list[Any]:
    """Return inputs or outputs of a case as arrays; small floats come as messages."""
    return [array_of(value, None) if hasattr(value, "data_type") else np.asarray(value) for value in values]


def refusal(name: str) -> str | None:
    """Return words of the refusal of a case, or None if it runs."""
    return next((words for start, words in REFUSED.items() if name.startswith(start)), None)
