"""examples/classification.py runs in a small version: both tasks are learned, exported and drawn."""

from pathlib import Path

import pytest

from tests.examples.loading import example
from tests.peers import peer


def test_a_small_version_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("sklearn", "skimage", "matplotlib", "onnxruntime"):
        peer(name)
    picture = tmp_path / "classification.png"
    found = example("classification").report(quick=True, picture=picture)
    assert list(found) == ["digits", "textures"]
    for one in found.values():
        assert one["after"].accuracy == one["before"].accuracy > 0.6
        ours, pillow = one["same"]
        assert ours == one["asked"] and pillow >= 0.98 * ours
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 20000
    assert "confusion matrix" in capsys.readouterr().out
