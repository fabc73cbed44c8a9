"""examples/blobs.py runs in a small version: all 24 coins are found, and the pictures are drawn."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from convolve import files
from tests.peers import peer

EXAMPLE = Path(__file__).parents[2] / "examples" / "blobs.py"


def example() -> Any:
    """Return the example as a module."""
    spec = importlib.util.spec_from_file_location("blobs_example", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_small_version_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    peer("skimage")
    found = example().report(quick=True, pictures=tmp_path)
    assert found["coins"] == 24 and found["what is found"] >= 15
    assert found["nuclei"] > 20 and found["galaxies and stars"] > 20
    for name in ("blobs", "template", "vessels"):
        assert files.read(tmp_path / f"{name}.png").array.shape[0] == 480
    assert len(capsys.readouterr().out.splitlines()) == 5
