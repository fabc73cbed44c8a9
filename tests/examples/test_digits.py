"""examples/digits.py runs in a small version: every way is better than guessing, and the picture is drawn."""

from pathlib import Path

import pytest

from tests.examples.loading import example
from tests.peers import peer


def test_a_small_version_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    peer("sklearn"), peer("matplotlib")
    picture = tmp_path / "filters.png"
    scores = example("digits").report(quick=True, picture=picture)
    assert list(scores) == ["raw pixels", "hand-made filters", "learned filters"]
    assert min(scores.values()) > 0.9
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 5000
    assert len(capsys.readouterr().out.splitlines()) == 3
