"""The example of docs/arrays.md runs."""

import re
from pathlib import Path

from tests.peers import peer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "arrays.md"


def test_examples() -> None:
    peer("dask.array")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), {})
