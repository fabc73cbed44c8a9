"""What the README shows is run, and what it promises by name is there."""

import re
from pathlib import Path

import pytest

import convolve
from tests.docs.running import run_page

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(TEXT, 5)


def test_links_lead_to_files() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_named_functions_exist() -> None:
    named = set(re.findall(r"`convolve\.(\w+)", TEXT))
    assert named
    assert [name for name in named if not hasattr(convolve, name)] == []


def test_is_short() -> None:
    assert len(TEXT.splitlines()) <= 150
