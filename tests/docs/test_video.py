"""What docs/video.md shows is run, and its command lines have options that there are."""

import doctest
import re
from pathlib import Path

import pytest

from convolve.cli.apply import command
from tests.peers import peer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "video.md"
FENCE = re.compile(r"^```.*$", re.MULTILINE)


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer("av")
    monkeypatch.chdir(tmp_path)
    text = FENCE.sub("", PAGE.read_text(encoding="utf-8"))
    examples = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert len(examples.examples) >= 10
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.DocTestRunner(optionflags=flags).run(examples).failed == 0


def test_the_options_are_those_of_the_command() -> None:
    known = {option for parameter in command.params for option in parameter.opts}
    shown = set(re.findall(r"(?<![\w-])--[a-z]+", PAGE.read_text(encoding="utf-8")))
    assert shown - known <= {"--picture", "--presets", "--rounds"}  # of the example and the benchmark
