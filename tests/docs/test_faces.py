"""What docs/faces.md shows in Python is run, and its picture is there."""

import doctest
import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faces.md"
FENCE = re.compile(r"^```.*$", re.MULTILINE)


def test_examples() -> None:
    text = FENCE.sub("", PAGE.read_text(encoding="utf-8"))
    examples = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert len(examples.examples) >= 6
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.DocTestRunner(optionflags=flags).run(examples).failed == 0


def test_pictures_exist() -> None:
    found = re.findall(r"\]\((images/[^)]+)\)", PAGE.read_text(encoding="utf-8"))
    assert found and all((PAGE.parent / one).is_file() for one in found)
