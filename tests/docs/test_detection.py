"""What docs/detection.md shows is run: its Python as doctests, its commands on few scenes."""

import re
import shlex
from pathlib import Path

import pytest

from convolve import detection, files
from tests.cli.process import inside
from tests.docs.running import run_python
from tests.peers import peer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "detection.md"
TEXT = PAGE.read_text(encoding="utf-8")
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
FEWER = {"train": ["--scenes", "8", "--epochs", "1"], "score": ["--scenes", "4"], "run": []}


def test_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sklearn", "skimage", "pycocotools"):
        peer(name)
    monkeypatch.chdir(tmp_path)
    run_python(TEXT, 9)
    files.write("photo.png", detection.digit_scenes(1, size=(128, 200)).scenes[0].source)
    for line in "\n".join(CONSOLE.findall(TEXT)).splitlines():
        command = shlex.split(line.removeprefix("$ convolve "))
        done = inside(*command, *FEWER[command[1]])
        assert done.returncode == 0, done.stderr
    assert {one.name for one in tmp_path.iterdir()} == {
        "digits.safetensors", "found.json", "found.png", "photo.png",
    }  # fmt: skip
