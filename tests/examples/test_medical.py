"""examples/medical.py runs in a small version: both ways find the body, and the picture is drawn."""

from pathlib import Path

import pytest

from tests.examples.loading import example
from tests.peers import peer


def test_a_small_version_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    peer("matplotlib")
    picture = tmp_path / "medical.png"
    scores = example("medical").report(quick=True, picture=picture)
    assert scores["U-Net"]["body"][0] > 0.8 and scores["thresholds"]["body"][0] > 0.8
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 10000
    assert "Hausdorff 95 %" in capsys.readouterr().out
