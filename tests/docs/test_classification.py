"""What docs/classification.md shows is run: its Python as doctests, its commands with one epoch."""

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.process import inside
from tests.docs.running import run_python
from tests.peers import peer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "classification.md"
TEXT = PAGE.read_text(encoding="utf-8")
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
NEEDED = ("sklearn", "onnxruntime", "matplotlib")


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NEEDED:
        peer(name)
    monkeypatch.chdir(tmp_path)
    run_python(TEXT, 20)


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NEEDED:
        peer(name)
    monkeypatch.chdir(tmp_path)
    for line in "\n".join(CONSOLE.findall(TEXT)).splitlines():
        command = shlex.split(line.removeprefix("$ convolve "))
        done = inside(*command, *(["--epochs", "1"] if command[0] == "train" else []))
        assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"digits.safetensors", "digits.onnx", "report.png"}
