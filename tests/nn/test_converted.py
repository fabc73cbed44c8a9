"""PyTorch's layers as the onnx wheel has them, converted years ago to opset 6 and 9: old files still run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convolve.nn.models import load
from convolve.nn.onnx.tensors import array_of
from tests.nn.core_cases import folders
from tests.peers import peer

FOLDERS = folders()

COUNT = 117
"""Cases in onnx 1.23.2."""


def tensors(folder: Path, kind: str) -> list[Any]:
    """Return the inputs or outputs of a case."""
    onnx = peer("onnx")
    files = sorted(
        (folder / "test_data_set_0").glob(f"{kind}_*.pb"), key=lambda path: int(path.stem.split("_")[1])
    )
    return [array_of(onnx.TensorProto.FromString(file.read_bytes()), None) for file in files]


def test_all_cases_are_looked_at() -> None:
    assert len(FOLDERS) == COUNT


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_layer(folder: Path) -> None:
    network = load(folder / "model.onnx")
    found = network(*tensors(folder, "input"))
    results = found if isinstance(found, tuple) else (found,)
    for ours, theirs in zip(results, tensors(folder, "output"), strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)
