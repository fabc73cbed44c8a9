"""docs/coming-from.md, executed: in every row, both columns are evaluated and must agree."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.peers import peer

PAGE = Path(__file__).parents[2] / "docs" / "coming-from.md"
PEERS = {
    "NumPy": (),
    "SciPy": ("scipy",),
    "OpenCV": ("cv2",),
    "Pillow": (),
    "PyTorch": ("torch", "ml_dtypes"),
    "MATLAB": ("scipy",),
}
ROWS = {"NumPy": 15, "SciPy": 42, "OpenCV": 26, "Pillow": 6, "PyTorch": 27, "MATLAB": 24}


@dataclass(frozen=True)
class Row:
    """One row of a table: what the peer computes, and what is said to be the same here."""

    section: str
    theirs: str
    ours: str

    def __str__(self) -> str:
        return f"{self.section}: {self.theirs}"


def sections() -> dict[str, str]:
    """Return the text below each second-level heading."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows() -> list[Row]:
    """Return every row of the tables of calls: the last two columns of code are compared."""
    found = []
    for name in PEERS:
        for line in sections()[name].splitlines():
            cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("| `") else []
            code = [cell.strip("`") for cell in cells[: 3 if name == "MATLAB" else 2]]
            if code:
                found.append(Row(name, code[-2], code[-1]))
    return found


@cache
def names(section: str) -> dict[str, Any]:
    """Return the page's own data, and what the section imports and defines."""
    for module in PEERS[section]:
        peer(module)
    defined: dict[str, Any] = {}
    for text in (sections()["The data of this page"], sections()[section]):
        for block in re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
            exec(compile(block, PAGE.name, "exec"), defined)
    return defined


def test_no_row_was_missed() -> None:
    found = rows()
    assert {name: sum(row.section == name for row in found) for name in PEERS} == ROWS
    tables = "".join(sections()[name] for name in PEERS)
    assert len(found) == sum(line.startswith("| `") for line in tables.splitlines())
    for row in found:
        assert "convolve." in row.ours, f"the right column must be a call of ours: {row}"
        assert "convolve." not in row.theirs, f"the left column must not be ours: {row}"


@pytest.mark.parametrize("row", rows(), ids=str)
def test_row(row: Row) -> None:
    known = names(row.section)
    theirs, ours = (eval(text, known) for text in (row.theirs, row.ours))
    if isinstance(theirs, str):
        assert ours == theirs
        return
    theirs, ours = np.asarray(theirs), np.asarray(ours)
    assert ours.shape == theirs.shape
    assert theirs.size > 3 and np.any(theirs != theirs.flat[0]), "equal numbers everywhere prove little"
    if theirs.dtype.kind in "iu":
        assert ours.dtype.kind in "iu", "whole numbers must stay whole"
        np.testing.assert_array_equal(ours, theirs)
    else:
        largest = float(np.abs(theirs).max())
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=largest * rounding(ours, theirs))


def rounding(*arrays: Any) -> float:
    """Return how far results may lie apart, relative to the largest: the coarser dtype decides."""
    return 1e-6 if any(array.dtype in (np.float32, np.complex64) for array in arrays) else 1e-13


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        ("reflect", "c b [a b c d] c b"),
        ("symmetric", "b a [a b c d] d c"),
        ("replicate", "a a [a b c d] d d"),
        ("circular", "c d [a b c d] a b"),
    ],
)
def test_the_letters_of_the_border_table(mode: str, shown: str) -> None:
    import convolve

    letters = np.frombuffer(b"abcd", np.uint8)
    padded = convolve.conv1d(letters, np.ones(1, np.uint8), padding=2, padding_mode=mode)
    text = " ".join(bytes(padded.astype(np.uint8).tolist()).decode())
    assert f"{text[:3]} [{text[4:11]}] {text[12:]}" == shown
    assert f'| `{shown}` | `"{mode}"` |' in PAGE.read_text(encoding="utf-8")
