"""`convolve explain`: the lesson, tables and pictures, each form, and walking through it on a terminal."""

import json
import os
import pty
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import convolve
from convolve.cli import main
from convolve.cli.explain import CROP, LESSON, LESSON_FILTER
from tests.cli.process import PROGRAM, environment, read_until

FIXTURE_F = "10 10 10 0 0; 10 10 10 0 0; 10 10 10 0 0; 10 10 10 0 0; 10 10 10 0 0"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments])


def explained(*arguments: str) -> dict[str, object]:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def rows(*arguments: str) -> list[list[int]]:
    found: list[list[int]] = explained(*arguments)["output"]["values"][0]  # type: ignore[index]
    return found


def test_the_lesson_is_the_default() -> None:
    done = run()
    assert done.exit_code == 0
    assert done.stderr == ""
    assert re.search(r"-4 +2 +4\n +0 +0 +0\n +0 +0 +0\n", done.stdout)
    assert rows() == [[-4, 2, 4], [0, 0, 0], [0, 0, 0]]
    assert rows(LESSON, "-k", LESSON_FILTER) == rows()
    assert explained()["dtypes"] == {"input": "int64", "weight": "int8", "output": "int64"}


@pytest.mark.parametrize(
    ("options", "row"),
    [
        ([], [0, 30, 30]),
        (["--stride", "2"], [0, 30]),
        (["--padding", "1"], [-20, 0, 20, 20, 0]),
        (["--dilation", "2"], [30]),
        (["--flip"], [0, -30, -30]),
        (["--bias", "5"], [5, 35, 35]),
        (["--padding", "0,1", "--mode", "circular"], [-30, 0, 30, 30, -30]),
        (["--padding", "0:0,1:0", "--mode", "10"], [0, 0, 30, 30]),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_every_option_gives_its_numbers(options: list[str], row: list[int]) -> None:
    assert rows(FIXTURE_F, *options)[0] == row


def test_text_in_a_pipe_is_plain_ascii() -> None:
    for options in ([], ["--step", "all"], ["--at", "1,1"], ["--padding", "1"], ["--transposed", "-s", "2"]):
        text = run(*options).stdout
        assert text.isascii()
        assert "\x1b" not in text


def test_one_step_is_chosen_by_number_or_by_output() -> None:
    second = run(FIXTURE_F, "--step", "2")
    assert second.stdout.startswith("Step 2/9 . output[0,1] . rows 0-2, columns 1-3")
    assert "= 30" in second.stdout
    assert run(FIXTURE_F, "--at", "0,1").stdout == second.stdout
    assert "Step 9/9" in run(FIXTURE_F, "--step", "all").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--step", "10"], 1, "--step must be at most 9, the number of steps; got 10"),
        (["--step", "0"], 2, "--step must be a number from 1, or all; got '0'"),
        (["--step", "1", "--at", "0,0"], 2, "give one of them"),
        (["--at", "3,0"], 1, "(3, 0)"),
        (["--at", "x"], 2, "'x' must be a whole number"),
        (["--interactive"], 1, "--interactive needs a terminal"),
        (["-k", "sobel"], 1, "such as --kernel sobel-x"),
        (["-k", "gausian"], 1, "did you mean 'gaussian'?"),
        (["1 2; 3"], 1, "the image cannot be read"),
        (["nothere.png"], 1, "nothere.png"),
        (["nothere.csv"], 1, "nothere.csv"),
        (["--padding", "sane"], 1, "did you mean 'same'?"),
        (["--padding", "1;2"], 2, "before:after"),
        (["--mode", "mirror"], 1, "'reflect'"),
        (["--stride", "0"], 1, "stride must be at least 1"),
        (["--json", "-", "--html", "-"], 2, "only one form can go to standard output"),
        (["--bias", "a"], 2, "must be a number"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_makes_no_sense_is_refused_in_words(arguments: list[str], code: int, words: str) -> None:
    done = run(*arguments)
    assert done.exit_code == code
    assert done.stdout == ""
    assert words in done.stderr
    assert done.stderr.startswith("error: ")


def test_every_form_is_written_and_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    places = {form: tmp_path / f"lesson.{form}" for form in ("html", "gif", "svg", "json")}
    options = [word for form, path in places.items() for word in (f"--{form}", str(path))]
    done = run(*options)
    assert (done.exit_code, done.stdout) == (0, ""), done.stderr
    same = convolve.explain(np.array(table(LESSON)), np.array(table(LESSON_FILTER), dtype=np.int8))
    assert places["html"].read_text(encoding="utf-8") == same.to_html()
    assert places["svg"].read_text(encoding="utf-8") == same.to_svg()
    assert places["json"].read_text(encoding="utf-8") == same.to_json()
    assert places["gif"].read_bytes() == bytes(same.to_gif())
    places["svg"].write_text("mine")
    refused = run("--svg", str(places["svg"]))
    assert refused.exit_code == 1
    assert "exists" in refused.stderr
    assert places["svg"].read_text() == "mine"
    assert run("--svg", str(places["svg"]), "--force").exit_code == 0
    assert places["svg"].read_text().startswith("<svg")


def table(text: str) -> list[list[int]]:
    return [[int(one) for one in row.split()] for row in text.split(";")]


def test_tables_come_from_files_too(tmp_path: Path) -> None:
    (tmp_path / "image.csv").write_text("10,10,10,0,0\n" * 5)
    (tmp_path / "filter.csv").write_text("1,0,-1\n" * 3)
    np.save(tmp_path / "image.npy", np.array(table(FIXTURE_F)))
    for name in ("image.csv", "image.npy"):
        assert rows(str(tmp_path / name), "-k", str(tmp_path / "filter.csv")) == [[0, 30, 30]] * 3


def test_tables_may_begin_with_a_negative_number() -> None:
    assert rows("-1 2 3; 4 5 6", "-k", "-1 1") == [[3, 1], [1, 1]]


def test_channels_are_summed_or_kept_apart(tmp_path: Path) -> None:
    colours = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    np.save(tmp_path / "rgb.npy", colours)
    kernel = "1 2; 0 -1"
    weight = np.array([[1, 2], [0, -1]])
    first = np.moveaxis(colours, -1, 0).astype(np.int64)
    summed = convolve.conv2d(first, np.broadcast_to(weight, (1, 3, 2, 2)))
    apart = convolve.conv2d(first, np.broadcast_to(weight, (3, 1, 2, 2)), groups=3)
    path = str(tmp_path / "rgb.npy")
    assert explained(path, "-k", kernel)["output"]["values"] == summed.tolist()  # type: ignore[index]
    grouped = explained(path, "-k", kernel, "--groups", "3")
    assert grouped["output"]["values"] == apart.tolist()  # type: ignore[index]
    text = run(path, "-k", kernel, "--at", "1,1").stdout
    assert "total = " in text
    refused = run(path, "-k", kernel, "--groups", "2")
    assert "groups must divide the channels" in refused.stderr


def test_a_large_picture_is_explained_at_a_place_and_cropped_for_the_rest(tmp_path: Path) -> None:
    picture = np.add.outer(3 * np.arange(60), 5 * np.arange(80)).astype(np.int32)
    np.save(tmp_path / "large.npy", picture)
    path = str(tmp_path / "large.npy")
    done = run(path, "--at", "30,40")
    assert "rows 30-32, columns 40-42" in done.stdout
    assert (
        f"sum = {convolve.conv2d(picture[30:33, 40:43], np.array(table(LESSON_FILTER)))[0, 0]}" in done.stdout
    )
    assert "first of 4524 steps" in run(path).stderr
    cut = run(path, "--at", "30,40", "--json")
    assert json.loads(cut.stdout)["input"]["shape"] == [1, CROP, CROP]
    assert "shown are rows 25-36 and columns 35-46" in cut.stderr
    assert json.loads(cut.stdout)["input"]["values"][0] == picture[25:37, 35:47].tolist()
    assert run(path, "--step", "all").exit_code == 0


def test_a_picture_comes_through_a_pipe() -> None:
    data = convolve_bytes()
    done = CliRunner().invoke(main, ["explain", "-", "--at", "0,0"], input=data)
    assert done.exit_code == 0, done.stderr
    assert "output[0,0]" in done.stdout


def convolve_bytes() -> bytes:
    import io

    stream = io.BytesIO()
    np.save(stream, np.array(table(LESSON)))
    return stream.getvalue()


def walk(*keys: bytes, arguments: tuple[str, ...] = (), size: tuple[int, int] = (40, 100)) -> tuple[str, int]:
    """Return what a terminal shows while the keys are pressed one after the other, and the exit code."""
    import fcntl
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    child = subprocess.Popen(
        [*PROGRAM, "explain", "-i", *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment(TERM="xterm", PYTHONIOENCODING="utf-8"),
        start_new_session=True,
    )
    os.close(slave)
    said = read_until(master, b"q: quit")
    for key in keys:
        os.write(master, key)
        said += read_until(master, b"q: quit" if key != b"q" else None)
    code = child.wait(timeout=60)
    os.close(master)
    return said.decode(), code


def test_walking_through_the_steps_with_keys() -> None:
    keys = (
        b"\x1b[C",
        b"\x1b[C",
        b"\x1b[B",
        b"\x1b[D",
        b"\x1bOA",
        b"\x1b[F",
        b"\x1b[C",
        b"\x1b[H",
        b"x",
        b"q",
    )
    said, code = walk(*keys)
    assert code == 0
    assert re.findall(r"Step (\d)/9", said) == list("1236529911")
    assert said.rstrip().endswith("\x1b[?25h\x1b[?1049l")


def test_keys_pressed_fast_are_all_seen() -> None:
    said, _ = walk(b"\x1b[C\x1b[B", b"q")
    assert re.findall(r"Step (\d)/9", said)[-1] == "5"


def test_space_plays_the_steps() -> None:
    said, code = walk(b" ", b"", b"q", arguments=("1 2 3", "-k", "1 1"))
    assert code == 0
    assert re.findall(r"Step (\d)/2", said)[:3] == ["1", "1", "2"]


def test_a_small_terminal_shows_the_arithmetic() -> None:
    said, _ = walk(b"q", size=(12, 80))
    assert "place: lay" not in said
    assert "Σ = -4" in said
