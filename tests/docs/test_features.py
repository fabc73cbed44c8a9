"""What docs/blobs.md and docs/vessels.md show is run: Python as doctests, and the commands."""

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from convolve import files
from convolve.cli import main
from convolve.files import Picture
from tests.docs.running import run_python
from tests.peers import peer

DOCS = Path(__file__).resolve().parents[2] / "docs"
COMMAND = re.compile(r"^\$ convolve (.*)$", re.MULTILINE)


@pytest.mark.parametrize("page", ["blobs.md", "vessels.md"])
def test_examples(page: str) -> None:
    run_python((DOCS / page).read_text(encoding="utf-8"), 4)


def pictures(folder: Path) -> None:
    data = peer("skimage.data")
    coins = data.coins()
    made: dict[str, Any] = {
        "coins.png": coins,
        "one-coin.png": coins[168:222, 77:127],
        "nuclei.tif": data.immunohistochemistry()[:80, :80],
        "sky.jpg": data.hubble_deep_field()[:150, :150],
        "photo.jpg": data.astronaut()[:120, :120],
        "logo.png": data.astronaut()[40:70, 50:90],
        "retina.jpg": data.retina()[400:600, 400:600],
    }
    for name, array in made.items():
        files.write(folder / name, Picture(array, "YXC"[: array.ndim]))
    volume = np.random.default_rng(0).random((12, 20, 20)).astype(np.float32)
    files.write(folder / "angiography.tif", Picture(volume, "ZYX", spacing=(1.0, 0.5, 0.5), unit="mm"))


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer("tifffile")
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path)
    said = {}
    for page in ("blobs.md", "vessels.md"):
        for line in COMMAND.findall((DOCS / page).read_text(encoding="utf-8")):
            done = CliRunner().invoke(main, [*shlex.split(line), "--force"])
            assert done.exit_code == 0, (line, done.stderr)
            said[line] = done.stderr
    assert len(said) == 7
    assert said["blobs coins.png --radius 14:28 --threshold 20 -o found.png"] == "24 found\n"
    assert said["match coins.png one-coin.png --threshold 0.6 -o found.png"] == "20 found\n"
