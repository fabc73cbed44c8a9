"""examples/digits.py runs in a small version: every way is better than guessing, and the picture is drawn."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tests.peers import peer

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits.py"


def example() -> Any:
    """Return the example as a module."""
    spec = importlib.util.spec_from_file_location("digits_example", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_small_version_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    peer("sklearn"), peer("matplotlib")
    picture = tmp_path / "filters.png"
    scores = example().report(quick=True, picture=picture)
    assert list(scores) == ["raw pixels", "hand-made filters", "learned filters"]
    assert min(scores.values()) > 0.9
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 5000
    assert len(capsys.readouterr().out.splitlines()) == 3
