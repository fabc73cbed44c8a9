"""`convolve apply`: files, pipes, folders; ranges said; nothing overwritten; codes for what failed."""

import io
import os
import pty
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import convolve
from convolve import files
from convolve.cli import main
from convolve.files import Picture
from tests.cli.process import PROGRAM, environment, read_until
from tests.cli.process import convolve as run_process

DATA = Path(convolve.__file__).parent / "data"


def run(*arguments: str | Path, **options: bytes) -> Result:
    return CliRunner().invoke(main, ["apply", *map(str, arguments)], **options)  # type: ignore[arg-type]


def small(seed: int, shape: tuple[int, ...] = (12, 14, 3)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def png(path: Path, array: np.ndarray) -> Path:
    files.write(path, Picture(array, "YXC"[: array.ndim]))
    return path


def test_the_portrait_gets_its_edges(tmp_path: Path) -> None:
    done = run(DATA / "portrait.jpg", "--kernel", "sobel", "-o", tmp_path / "edges.png")
    assert (done.exit_code, done.stdout) == (0, ""), done.stderr
    assert "5.7 % of values were above 255 and clipped; try --range scale" in done.stderr
    expected = convolve.apply(files.sample("portrait").array, "sobel", channel_axis=-1, out_dtype=np.uint8)
    np.testing.assert_array_equal(files.read(tmp_path / "edges.png").array, expected)


@pytest.mark.parametrize("kernel", ["1 0 -1; 2 0 -2; 1 0 -1", "filter.csv", "filter.npy"])
def test_filters_are_written_out_or_come_from_files(kernel: str, tmp_path: Path, seed: int) -> None:
    weights = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    np.savetxt(tmp_path / "filter.csv", weights, "%d", ",")
    np.save(tmp_path / "filter.npy", weights)
    source = png(tmp_path / "a.png", small(seed))
    wanted = str(tmp_path / kernel) if "." in kernel else kernel
    assert run(source, "-k", wanted, "-o", tmp_path / "b.npy", "--dtype", "int32").exit_code == 0
    expected = convolve.apply(small(seed), weights, channel_axis=-1)
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), expected)


def test_options_reach_the_filter(tmp_path: Path, seed: int) -> None:
    source = png(tmp_path / "a.png", small(seed, (9, 10)))
    options = ["-s", "2,1", "-p", "1:0,0:2", "-m", "circular", "--flip", "--dtype", "int32"]
    done = run(source, "-k", "1 2 0; 0 -1 3", "-o", tmp_path / "b.npy", *options)
    assert done.exit_code == 0, done.stderr
    expected = convolve.apply(
        small(seed, (9, 10)),
        np.array([[1, 2, 0], [0, -1, 3]]),
        stride=(2, 1),
        padding=((1, 0), (0, 2)),
        padding_mode="circular",
        flip=True,
    )
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), expected)


def test_clipping_is_said_on_standard_error(tmp_path: Path) -> None:
    array = np.zeros((1, 25), np.uint8)
    array[0, :3] = 200
    source = png(tmp_path / "a.png", array)
    for name, said in (
        ("clip", "12 % of values were negative and clipped; try --range abs"),
        ("offset", "12 % of values were below 0 and clipped; try --range scale"),
        ("abs", ""),
        ("scale", ""),
    ):
        done = run(source, "-k", "-1 0", "-o", tmp_path / f"{name}.png", "--range", name)
        assert (done.exit_code, done.stdout) == (0, "")
        assert said in done.stderr
        assert bool(done.stderr) == bool(said)
    assert files.read(tmp_path / "abs.png").array[0, :4].tolist() == [200, 200, 200, 0]
    assert files.read(tmp_path / "scale.png").array[0, :4].tolist() == [0, 0, 0, 255]


def test_nothing_is_overwritten_unasked(tmp_path: Path, seed: int) -> None:
    source = png(tmp_path / "a.png", small(seed))
    before = source.read_bytes()
    refused = run(source, "-k", "box:3", "-o", source)
    assert refused.exit_code == 1
    assert "exists" in refused.stderr
    assert "--force" in refused.stderr
    assert source.read_bytes() == before
    assert run(source, "-k", "box:3", "-o", source, "--force").exit_code == 0
    assert source.read_bytes() != before
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["a.png", "-o", "b.png"], 2, "Missing option '-k'"),
        (["a.png", "-k", "box:3"], 2, "Missing option '-o'"),
        (["nothere.png", "-k", "box:3", "-o", "b.png"], 1, "there is no nothere.png"),
        (["a.png", "-k", "sobl", "-o", "b.png"], 1, "did you mean 'sobel'?"),
        (["a.png", "-k", "box:3", "-o", "b.xyz"], 1, "the suffix of b.xyz"),
        (["a.png", "-k", "box:3", "-o", "no/where/b.png"], 1, "create it first"),
        (["a.png", "-k", "box:3", "-o", "-"], 2, "add --format png"),
        (["a.png", "-k", "box:3", "-o", "-", "--format", "xyz"], 1, "format must be one of"),
        (["a.png", "-k", "box:3", "--dims", "3", "-o", "b.png"], 1, "a 3-D one needs a stack"),
        (["a.png", "-k", "sobel-x", "-o", "b.png", "--dtype", "float32"], 1, "float32"),
        (["a.png", "-k", "sobel-x", "-o", "b.tif", "--dtype", "float32", "--range", "offset"], 1, "offset"),
        (["a.png", "-k", "sobel-x", "-o", "b.png", "--dtype", "int3"], 1, "int3"),
        (["a.png", "-", "-k", "box:3", "-o", "b"], 2, "goes with no other SRC"),
        (["-", "-k", "box:3", "-o", "."], 2, "has no name"),
        (["a.png", "a.png", "-k", "box:3", "-o", "a.png"], 2, "need a folder"),
        (["*.gif", "-k", "box:3", "-o", "out"], 1, "matches no file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_makes_no_sense_is_refused_in_words(
    arguments: list[str], code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.chdir(tmp_path)
    png(Path("a.png"), small(seed))
    done = run(*arguments)
    assert done.exit_code == code, done.stderr
    assert done.stdout == ""
    assert words in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]


def test_pictures_go_through_pipes(tmp_path: Path, seed: int) -> None:
    source = png(tmp_path / "a.png", small(seed))
    done = run_process("apply", "-", "-k", "box:3", "-o", "-", "--format", "png", input=source.read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    expected = convolve.apply(small(seed), "box:3", channel_axis=-1, out_dtype=np.uint8)
    np.testing.assert_array_equal(files.read(io.BytesIO(done.stdout)).array, expected)


def test_two_commands_make_a_pipeline(tmp_path: Path, seed: int) -> None:
    source = png(tmp_path / "a.png", small(seed))
    first = run(source, "-k", "box:3", "-o", "-", "--format", "png")
    second = CliRunner().invoke(
        main, ["apply", "-", "-k", "sobel-x", "-o", str(tmp_path / "b.png"), "--range", "abs"],
        input=first.stdout_bytes,
    )  # fmt: skip
    assert second.exit_code == 0, second.stderr
    assert files.read(tmp_path / "b.png").array.shape == (12, 14, 3)


def folder(tmp_path: Path, seed: int) -> Path:
    place = tmp_path / "in"
    place.mkdir()
    for name in ("a.png", "b.png", "c.bmp"):
        png(place / name, small(seed))
    (place / "notes.txt").write_text("not a picture")
    return place


def test_a_folder_is_filtered_into_a_folder(tmp_path: Path, seed: int) -> None:
    done = run(folder(tmp_path, seed), "-k", "box:3", "-o", tmp_path / "out")
    assert (done.exit_code, done.stdout) == (0, ""), done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png", "c.bmp"]
    assert "3 of 3 pictures filtered into" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_pattern_and_another_format(tmp_path: Path, seed: int) -> None:
    done = run(f"{folder(tmp_path, seed)}/*.png", "-k", "box:3", "-o", f"{tmp_path}/out/", "--format", "tiff")
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.tiff", "b.tiff"]


def test_one_broken_file_does_not_stop_the_others(tmp_path: Path, seed: int) -> None:
    place = folder(tmp_path, seed)
    (place / "b.png").write_bytes(b"broken")
    done = run_process("apply", str(place), "-k", "box:3", "-o", str(tmp_path / "out"))
    assert done.returncode == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "c.bmp"]
    lines = done.stderr.decode().splitlines()
    assert len([line for line in lines if line.startswith("error: ") and "b.png" in line]) == 1
    assert lines[-1].startswith("2 of 3 pictures filtered into")
    again = run(place, "-k", "box:3", "-o", tmp_path / "out")
    assert again.exit_code == 1  # all of them failed: two exist, one is broken
    assert "0 of 3" in again.stderr


def test_results_of_one_name_are_refused_before_anything_is_written(tmp_path: Path, seed: int) -> None:
    place = folder(tmp_path, seed)
    png(tmp_path / "a.png", small(seed))
    done = run(place, tmp_path / "a.png", "-k", "box:3", "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert "would both become 'a.png'" in done.stderr
    assert not (tmp_path / "out").exists()


def test_one_file_into_a_folder_keeps_its_name(tmp_path: Path, seed: int) -> None:
    source = png(tmp_path / "a.png", small(seed))
    for place in ("new/", "new"):
        done = run(source, "-k", "box:3", "-o", f"{tmp_path}/{place}", "--force")
        assert done.exit_code == 0, done.stderr
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]


def test_the_bar_is_shown_on_a_terminal_only(tmp_path: Path, seed: int) -> None:
    place = folder(tmp_path, seed)
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [*PROGRAM, "apply", str(place), "-k", "box:3", "-o", str(tmp_path / "out")],
        stderr=slave,
        env=environment(TERM="xterm", NO_COLOR="1"),
    )
    os.close(slave)
    said = read_until(master)
    assert child.wait(timeout=60) == 0
    os.close(master)
    assert b"3/3" in said
    assert b"\x1b[3" not in said  # no colour


def test_interrupting_a_batch_leaves_whole_files_only(tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    for number in range(30):
        shutil.copy(DATA / "portrait.jpg", place / f"{number:02}.jpg")
    out = tmp_path / "out"
    child = subprocess.Popen(
        [*PROGRAM, "apply", str(place), "-k", "sobel", "-o", str(out), "--format", "png"],
        stderr=subprocess.PIPE,
        env=environment(),
    )
    while not out.exists() or not any(out.glob("*.png")):
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert b"Traceback" not in said
    found = sorted(out.iterdir())
    assert 1 <= len(found) < 30
    assert all(files.read(path).array.shape == (512, 512, 3) for path in found)


def test_what_was_converted_is_said(tmp_path: Path, seed: int) -> None:
    np.save(tmp_path / "a.npy", small(seed))
    done = run(tmp_path / "a.npy", "-k", "box:3", "-o", tmp_path / "b.png")
    assert done.exit_code == 0
    assert "taken for YXC" in done.stderr
