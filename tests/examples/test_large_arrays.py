"""examples/large_arrays.py runs in a small version: two workers, one killed, the same bits."""

from pathlib import Path

import pytest

from tests.examples.loading import example
from tests.peers import peer


def test_a_small_version_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("zarr", "distributed", "matplotlib"):
        peer(name)
    picture = tmp_path / "arrays.png"
    assert example("large_arrays").report(quick=True, picture=picture)
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 10000
    assert "the same bits from one process and from two workers: True" in capsys.readouterr().out
