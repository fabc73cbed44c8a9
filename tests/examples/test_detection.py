"""examples/detection.py runs in a small version: something is learned, ONNX Runtime agrees, it is drawn."""

from pathlib import Path

import pytest

from tests.examples.loading import example
from tests.peers import peer


def test_a_small_version_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("sklearn", "skimage", "pycocotools", "onnxruntime"):
        peer(name)
    picture = tmp_path / "detection.png"
    found = example("detection").report(quick=True, picture=picture)
    assert found["ap50"] > 0.003 and found["difference"] < 1e-2
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 20000
    assert "mAP@.5:.95" in capsys.readouterr().out
