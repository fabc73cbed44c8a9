"""What the README shows is run, and what it promises by name is there."""

import doctest
import re
from pathlib import Path

import pytest

import convolve

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
FENCE = re.compile(r"^```.*$", re.MULTILINE)


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # A fence right after the expected output would be taken for a part of it.
    examples = doctest.DocTestParser().get_doctest(FENCE.sub("", TEXT), {}, README.name, str(README), 0)
    assert len(examples.examples) >= 5
    outcome = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(examples)
    assert outcome.failed == 0


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
