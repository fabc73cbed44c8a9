"""The demo draws, explains, writes one self-contained page and says what to try next."""

import base64
import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.peers import peer

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, str(ROOT / "scripts" / "demo.py")]


def environment(**changes: str) -> dict[str, str]:
    paths = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    return {**clean, "PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8", "COLUMNS": "100", **changes}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the demo prints into a pipe, and the folder it ran in."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        COMMAND, cwd=folder, env=environment(), capture_output=True, encoding="utf-8", check=True
    )
    assert done.stderr == ""
    return done.stdout, folder


def in_a_terminal(folder: Path, **changes: str) -> str:
    """Return what the demo prints where its output is a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        COMMAND, cwd=folder, env=environment(TERM="xterm", **changes), stdout=theirs, stdin=theirs
    ) as demo:
        os.close(theirs)
        chunks = []
        try:
            while chunk := os.read(ours, 65536):
                chunks.append(chunk)
        except OSError:  # how Linux says that the other end was closed
            pass
    os.close(ours)
    assert demo.returncode == 0
    return b"".join(chunks).decode("utf-8")


def test_a_pipe_gets_shades_and_no_escape_codes(run: tuple[str, Path]) -> None:
    text, _ = run
    assert "\x1b" not in text
    assert text.isascii()
    drawn = [line for line in text.splitlines() if len(line) == 100 and set(line) <= set(" .:-=+*#%@")]
    assert len(drawn) == 24
    assert len(set(drawn)) == 24


def test_a_terminal_gets_half_blocks(tmp_path: Path) -> None:
    text = in_a_terminal(tmp_path)
    assert text.count("▀") == 98 * 24
    assert "\x1b[38;2;" in text


def test_no_color_is_respected(tmp_path: Path) -> None:
    text = in_a_terminal(tmp_path, NO_COLOR="1")
    assert "\x1b" not in text
    assert "▀" not in text


def test_one_pixel_is_explained_with_its_own_numbers(run: tuple[str, Path]) -> None:
    text, _ = run
    found = re.search(r"the length of \((-?\d+), (-?\d+)\) is ([\d.]+)", text)
    assert found
    x, y, strength = map(float, found.groups())
    assert abs(np.hypot(x, y) - strength) < 0.06
    assert f"sum = {x:.0f}" in text
    assert f"sum = {y:.0f}" in text


def test_the_page_is_one_file_with_both_pictures(run: tuple[str, Path]) -> None:
    text, folder = run
    page_path = folder / "demo" / "convolve-demo.html"
    assert str(page_path) in text
    page = page_path.read_text(encoding="utf-8")
    assert "http" not in page
    pictures = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
        for data in re.findall(r"data:image/png;base64,([^\"]+)", page)
    ]
    assert [picture.shape for picture in pictures] == [(512, 512, 3)] * 2
    before, after = (picture.astype(float) for picture in pictures)
    assert before.std() > 40
    assert after.std() > 40
    assert after.mean() < before.mean()


def test_help_is_no_demo(tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND, "--help"], cwd=tmp_path, env=environment(), capture_output=True)
    assert done.returncode == 0 and b"scripts/demo" in done.stdout and not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("a file stands in the way", encoding="utf-8")
    done = subprocess.run(
        COMMAND, cwd=tmp_path, env=environment(TMPDIR=str(tmp_path)), capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0
    assert len(list(tmp_path.glob("convolve-demo-*/convolve-demo.html"))) == 1


def test_three_commands_are_suggested(run: tuple[str, Path]) -> None:
    text, _ = run
    suggested = text.split("Try next:\n")[1].splitlines()
    assert [line.split()[1] for line in suggested] == ["apply", "filters", "explain"]


def test_the_plan_and_both_libraries_times_are_printed(run: tuple[str, Path]) -> None:
    peer("cv2")
    text, _ = run
    assert "method   " in text
    assert "flops" in text
    assert re.search(r"one thread: convolve \d+\.\d{3} ms, OpenCV \d+\.\d{3} ms", text)
