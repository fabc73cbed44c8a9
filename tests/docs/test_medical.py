"""The example of docs/medical.md runs."""

import re
from pathlib import Path

import pytest

from tests.peers import peer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "medical.md"


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer("nibabel"), peer("safetensors")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), {})
