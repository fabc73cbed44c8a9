"""What docs/video.md shows is run, and its command lines have options that there are."""

import re
from pathlib import Path

import pytest

from convolve.cli.apply import command
from tests.docs.running import run_page
from tests.peers import peer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "video.md"


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer("av")
    monkeypatch.chdir(tmp_path)
    run_page(PAGE.read_text(encoding="utf-8"), 10)


def test_the_options_are_those_of_the_command() -> None:
    known = {option for parameter in command.params for option in parameter.opts}
    shown = set(re.findall(r"(?<![\w-])--[a-z]+", PAGE.read_text(encoding="utf-8")))
    assert shown - known <= {"--picture", "--presets", "--rounds"}  # of the example and the benchmark
