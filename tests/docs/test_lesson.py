"""Every statement of the lesson is run: its Python as doctests, its commands through the command line."""

import re
import shlex
from pathlib import Path

import pytest

from tests.docs.running import run_page

ROOT = Path(__file__).resolve().parents[2]
LESSON = ROOT / "docs" / "lesson.md"
TEXT = LESSON.read_text(encoding="utf-8")
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
STATEMENT = re.compile(r"^\*\*", re.MULTILINE)


def test_python_examples_run() -> None:
    run_page(CONSOLE.sub("", TEXT), 40)


def test_every_statement_has_an_example() -> None:
    statements = [match.start() for match in STATEMENT.finditer(TEXT)]
    ends = [*statements[1:], len(TEXT)]
    lonely = [
        TEXT[start:end][:60]
        for start, end in zip(statements, ends, strict=True)
        if "```" not in TEXT[start:end]
    ]
    assert len(statements) >= 20
    assert lonely == []


@pytest.mark.parametrize("block", CONSOLE.findall(TEXT))
def test_commands_print_what_the_page_shows(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from convolve.cli import main

    monkeypatch.chdir(tmp_path)
    command, _, shown = block.partition("\n")
    assert command.startswith("$ convolve ")
    done = CliRunner().invoke(main, shlex.split(command)[2:])
    assert done.exit_code == 0, done.output
    assert done.stdout.split() == shown.split()
