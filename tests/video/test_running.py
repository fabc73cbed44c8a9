"""A film on its way: the command line, memory that stays flat, Ctrl-C and kills that leave no half film."""

import os
import pty
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import convolve
from convolve.cli import main
from convolve.video import read_frames, write_frames
from tests import seeds
from tests.cli.process import PROGRAM, environment, read_until
from tests.video.making import av, decoded, film
from tests.video.test_containers import content

KILLS = 3


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["apply", *map(str, arguments)])


def moving(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Return frames on which a bright square moves to the right."""
    frames = []
    for number in range(count):
        frame = np.full((height, width, 3), 40, np.uint8)
        frame[16:32, 2 * number % 48 :][:, :12] = 220
        frames.append(frame)
    return frames


def test_motion_by_the_command_line(tmp_path: Path) -> None:
    write_frames(tmp_path / "clip.mkv", moving(8), codec="ffv1")
    options = ["--along", "t", "--range", "abs", "--codec", "ffv1"]
    done = run(tmp_path / "clip.mkv", "-k", "1 0 -1", *options, "-o", tmp_path / "motion.mkv")
    assert (done.exit_code, done.stdout) == (0, ""), done.stderr
    assert "motion.mkv: 8 frames, 0.3 s of film, in " in done.stderr
    assert done.stderr.rstrip().endswith("frames/s")
    stack = np.stack([array for _, array in read_frames(tmp_path / "clip.mkv")])
    wanted = np.abs(convolve.apply(stack, np.array([1, 0, -1]).reshape(3, 1, 1), channel_axis=-1))
    found = np.stack([array for _, array in read_frames(tmp_path / "motion.mkv")])
    np.testing.assert_array_equal(found, wanted)
    assert found[4, 16:32].max() > 150 > 1 > found[4, :12].max()  # what moves shines, what rests is black


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["clip.mkv", "-o", "out.mkv", "-k", "sobl"], 1, "did you mean 'sobel'?"),
        (["clip.mkv", "-o", "out.gif", "-k", "box:3"], 1, "the suffix of a film"),
        (["clip.mkv", "-o", "out.mkv", "-k", "emboss", "--along", "t"], 1, "two-dimensional"),
        (["clip.mkv", "-o", "out.mkv", "-k", "1 2; 3 4", "--along", "t"], 1, "must have one dimension"),
        (["clip.mkv", "-o", "out.mkv", "-k", "1 0 -1", "--along", "z"], 2, "a film has time: --along t"),
        (["clip.mkv", "-o", "out.mkv", "-k", "box:3", "--dtype", "float32"], 2, "--dtype is for pictures"),
        (["clip.mkv", "-o", "out.mkv", "-k", "box:3", "--fps", "9"], 2, "--fps is for numbered pictures"),
        (["%d.png", "-o", "out.mkv", "-k", "box:3", "--fps", "fast"], 2, "--fps must be a number"),
        (["photo.png", "-o", "out.png", "-k", "box:3", "--fps", "9"], 2, "are for films"),
        (["clip.mkv", "-o", "out.mkv", "-k", "sobel", "--range", "scale"], 1, "flickers"),
        (["clip.mkv", "clip.mkv", "-o", "out", "-k", "sobel"], 2, "one film is filtered at a time"),
        (["clip.mkv", "-o", "out.mkv", "-k", "sobel", "--format", "png"], 2, "--format is for pictures"),
        (["text.mp4", "-o", "out%d.xyz", "-k", "sobel"], 1, "of a kind that is not read"),
        (["photo.png", "-o", "out.png", "-k", "sobel", "--codec", "vp9"], 2, "are for films"),
        (["photo.png", "-o", "out.png", "-k", "sobel", "--seconds", "3"], 2, "are for films"),
        (["device:0", "-o", "out.mkv", "-k", "sobel"], 1, "there is no camera device:0"),
        (["nothere.mp4", "-o", "out.mkv", "-k", "sobel"], 1, "there is no file nothere.mp4"),
        (["clip.mkv", "-o", "clip.mkv", "-k", "sobel"], 1, "pass --force"),
        (["text.mp4", "-o", "out.mp4", "-k", "sobel"], 1, "of a kind that is not read"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_makes_no_sense_is_refused_in_words(
    arguments: list[str], code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_frames("clip.mkv", moving(3), codec="ffv1")
    Path("text.mp4").write_text("not a film")
    done = run(*arguments)
    assert done.exit_code == code, done.stderr
    assert words in done.stderr.replace("\n", " ")
    assert done.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mkv", "text.mp4"]


@pytest.mark.parametrize(("axis", "shape"), [("x", (1, 1, 3)), ("y", (1, 3, 1)), ("t", (3, 1, 1))])
def test_stacks_of_pictures_have_the_same_axes(axis: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    stack = np.random.default_rng(1).integers(0, 99, (5, 9, 8)).astype(np.uint8)
    convolve.files.write(tmp_path / "a.tif", convolve.files.Picture(stack, "ZYX"))
    options = ["--along", axis, "-s", "2", "--dtype", "int16"]
    done = run(tmp_path / "a.tif", "-k", "1 5 -1", *options, "-o", tmp_path / "b.tif")
    assert done.exit_code == 0, done.stderr
    strides = tuple(2 if taps > 1 else 1 for taps in shape)
    wanted = convolve.apply(stack, np.array([1, 5, -1]).reshape(shape), stride=strides)
    np.testing.assert_array_equal(convolve.files.read(tmp_path / "b.tif").array, wanted)


def test_folders_of_films_and_of_pictures(tmp_path: Path) -> None:
    write_frames(tmp_path / "clip.mkv", moving(4), codec="ffv1")
    assert run(tmp_path / "clip.mkv", "-k", "box:3", "-o", f"{tmp_path}/out/").exit_code == 0
    assert (tmp_path / "out" / "clip.mkv").is_file()
    pattern = tmp_path / "frames" / "%d.png"
    assert run(tmp_path / "clip.mkv", "-k", "identity", "-o", pattern).exit_code == 0
    done = run(tmp_path / "frames", "-k", "1/3 1/3 1/3", "--along", "t", "--fps", "30000/1001", "-o",
               tmp_path / "again.mp4")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert float(decoded(tmp_path / "again.mp4")[1][3]) == pytest.approx(3 * 1001 / 30000)
    assert run(tmp_path / "frames", "-k", "box:3", "-o", tmp_path / "blurred").exit_code == 0
    assert len(list((tmp_path / "blurred").glob("*.png"))) == 4
    (tmp_path / "frames" / "1.png").unlink()
    done = run(tmp_path / "frames" / "%d.png", "-k", "box:3", "-o", tmp_path / "new" / "%02d.png")
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["01.png", "02.png", "03.png"]


def test_the_bar_shows_frames_per_second_on_a_terminal_only(tmp_path: Path) -> None:
    write_frames(tmp_path / "clip.mkv", moving(60), codec="ffv1")
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [*PROGRAM, "apply", str(tmp_path / "clip.mkv"), "-k", "box:3", "-o", str(tmp_path / "out.mkv")],
        stderr=slave, env=environment(TERM="xterm", NO_COLOR="1", COLUMNS="120"),
    )  # fmt: skip
    os.close(slave)
    said = read_until(master)
    assert child.wait(timeout=60) == 0
    os.close(master)
    assert b"60/60" in said and b"frames/s" in said


def start(tmp_path: Path) -> "tuple[subprocess.Popen[bytes], Path]":
    """Begin to filter a film that takes some seconds, over one that exists."""
    goal = tmp_path / "out.mp4"
    goal.write_bytes(b"the old one")
    child = subprocess.Popen(
        [*PROGRAM, "apply", str(tmp_path / "clip.mkv"), "-k", "box:3", "--dims", "3", "-o", str(goal),
        "--force"], stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    while not list(tmp_path.glob(".out.mp4.*.part")):
        assert child.poll() is None, child.stderr
        time.sleep(0.005)
    return child, goal


def test_killed_at_a_random_instant(tmp_path: Path) -> None:
    write_frames(tmp_path / "clip.mkv", moving(24, 144, 192) * 16, codec="mpeg4")
    draw = random.Random(seeds.seed())
    for _ in range(KILLS):
        child, goal = start(tmp_path)
        time.sleep(draw.random() * 0.4)
        child.kill()
        child.communicate()
        if goal.read_bytes() != b"the old one":  # it was quicker than the kill
            assert len(decoded(goal)[1]) == 384
        for left in tmp_path.glob(".out.mp4.*.part"):
            left.unlink()


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    write_frames(tmp_path / "clip.mkv", moving(24, 144, 192) * 60, codec="mpeg4")
    child, goal = start(tmp_path)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130, said
    assert said.strip() == b"error: interrupted"
    assert goal.read_bytes() == b"the old one"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["clip.mkv", "out.mp4"]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory as Linux tells it")
def test_memory_is_flat(tmp_path: Path) -> None:
    """2,000 frames: after the first 200, resident memory stays within 5 %."""
    frames = moving(24, 144, 192)
    write_frames(tmp_path / "clip.mkv", (frames[number % 24] for number in range(2000)), codec="mpeg4")
    program = (
        "import sys, numpy as np\n"
        "from convolve.video import filter_film\n"
        "seen = []\n"
        "def look(done, total):\n"
        "    if done >= 200 and done % 20 == 0:\n"
        "        seen.append(int(open('/proc/self/statm').read().split()[1]))\n"
        "report = filter_film(sys.argv[1], sys.argv[2], np.ones((3, 3, 3)) / 27, codec='mpeg4', "
        "progress=look)\nassert report.frames == 2000\n"
        "print(seen[0], max(seen), min(seen))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "clip.mkv"), str(tmp_path / "out.mkv")],
        capture_output=True, text=True, check=False, env=environment(), timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, most, least = map(int, done.stdout.split())
    assert most <= 1.05 * first and least >= 0.95 * first


def test_a_full_disk_is_our_error(tmp_path: Path) -> None:
    film(tmp_path / "clip.mkv", content(12, 256, 256))
    limited = f"ulimit -f 8; exec {sys.executable} -c 'from convolve.cli import main; main()' \"$@\""
    done = subprocess.run(
        ["bash", "-c", limited, "-", "apply", str(tmp_path / "clip.mkv"), "-k", "sobel", "--codec", "ffv1",
        "-o",
         str(tmp_path / "out.mkv")],
        capture_output=True, text=True, check=False, timeout=60,
        env=environment(CONVOLVE_CACHE_DIR=os.environ.get("CONVOLVE_CACHE_DIR", "")),
    )  # fmt: skip
    assert done.returncode == 1
    assert "cannot be written" in done.stderr and "Traceback" not in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["clip.mkv"]


def test_a_film_that_was_cut_off_says_so(tmp_path: Path) -> None:
    whole, part = tmp_path / "whole.mkv", tmp_path / "part.mkv"
    write_frames(whole, moving(100), codec="ffv1")
    data = whole.read_bytes()
    part.write_bytes(data[: len(data) // 2])
    done = run(part, "-k", "box:3", "-o", tmp_path / "out.mkv")
    assert done.exit_code == 0 and "the film may be cut off" in done.stderr, done.stderr
    assert "cut off" not in run(whole, "-k", "box:3", "-o", tmp_path / "all.mkv").stderr


def test_advice_is_never_what_was_done(tmp_path: Path) -> None:
    write_frames(tmp_path / "clip.mkv", moving(3), codec="ffv1")
    clip = (tmp_path / "clip.mkv", "-k", "0 -3 0")
    assert "--range abs or offset keeps signs" in run(*clip, "-o", tmp_path / "a.mkv").stderr
    done = run(*clip, "--range", "offset", "-o", tmp_path / "b.mkv")
    assert "below 0 and clipped; divide the filter's weights" in done.stderr


def test_transparency_that_no_decoder_shows_is_said_to_be_left_out(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "clear.webm"), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuva420p"
        for array in moving(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(array).reformat(format="yuva420p")))
        container.mux(stream.encode(None))
    done = run(tmp_path / "clear.webm", "-k", "box:3", "-o", tmp_path / "out.webm")
    assert done.exit_code == 0 and "transparency was left out" in done.stderr, done.stderr
