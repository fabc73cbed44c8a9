"""What docs/faces.md shows in Python is run, and its picture is there."""

import re
from pathlib import Path

from tests.docs.running import run_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faces.md"


def test_examples() -> None:
    run_page(PAGE.read_text(encoding="utf-8"), 6)


def test_pictures_exist() -> None:
    found = re.findall(r"\]\((images/[^)]+)\)", PAGE.read_text(encoding="utf-8"))
    assert found and all((PAGE.parent / one).is_file() for one in found)
