"""What docs/networks.md shows is run."""

import re
from pathlib import Path

import pytest

from convolve.nn.operations import OPERATIONS
from tests.docs.running import run_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "networks.md"
OPERATIONS_READ = re.compile(r"### Operations that are read\n\n(.*?);", re.DOTALL)


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(PAGE.read_text(encoding="utf-8"), 10)


def test_the_operations_that_are_read_are_all_listed() -> None:
    found = OPERATIONS_READ.search(PAGE.read_text(encoding="utf-8"))
    assert found
    listed = re.findall(r"`(\w+)`", found[1])
    assert listed == sorted(name for name, operation in OPERATIONS.items() if operation.onnx)


def test_the_operations_without_a_gradient_are_all_listed_with_the_reason() -> None:
    rows = re.findall(r"^\| (it.*) \| (`.*`) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    listed = {name: reason for reason, names in rows for name in re.findall(r"`(\w+)`", names)}
    assert listed == {
        name: operation.gradient
        for name, operation in OPERATIONS.items()
        if isinstance(operation.gradient, str)
    }
