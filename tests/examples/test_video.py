"""examples/video.py runs in a small version: motion stands out, more so after smoothing, and is drawn."""

from pathlib import Path

import pytest

from tests.examples.loading import example
from tests.peers import peer


def test_a_small_version_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    peer("av"), peer("matplotlib")
    picture = tmp_path / "video.png"
    found = example("video").report(quick=True, picture=picture)
    assert found["smooth"] > 2 * found["change"] > 20
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 20000
    assert "where something moves" in capsys.readouterr().out
