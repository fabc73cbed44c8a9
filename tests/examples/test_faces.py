"""examples/faces.py runs in a small version: a portrait searched, stand-ins compared, all drawn."""

from pathlib import Path

import pytest

from tests.faces.making import example
from tests.peers import peer


def test_a_small_version_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    peer("skimage"), peer("matplotlib")
    picture = tmp_path / "faces.png"
    found = example().report(quick=True, picture=picture)
    assert found["pairs"].people == 2 and found["pairs"].eer < 0.6
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 50_000
    out = capsys.readouterr().out
    assert "equal error rate" in out and "not told" in out
