"""Held to ffmpeg's command line: its films, its filter, its way to hold films upright, its time stamps."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from convolve.video import filter_film, read_frames
from tests.peers import missing
from tests.video.making import av, decoded, film, planes


def ffmpeg(*arguments: str | Path, tool: str = "ffmpeg") -> bytes:
    """Run ffmpeg and return what it wrote to standard output."""
    if shutil.which(tool) is None:
        missing("ffmpeg", "apt install ffmpeg")
    quiet = ("-v", "error") if tool == "ffprobe" else ("-v", "error", "-y")
    return subprocess.run([tool, *quiet, *map(str, arguments)], check=True, capture_output=True).stdout


def times(path: Path, stream: str) -> list[str]:
    """Return a stream's time stamps as ffprobe reads them, sorted."""
    found = ffmpeg(
        "-select_streams", stream, "-show_entries", "packet=pts", "-of", "csv=p=0", path, tool="ffprobe"
    )
    return sorted(line.strip(",") for line in found.decode().split())


def test_its_convolution_filter_gives_the_same(tmp_path: Path, seed: int) -> None:
    """Away from the right and lower border, where it repeats the last cell, numbers are equal.

    The weights sum up to 1, for ffmpeg 5 divides by their sum in any case.
    """
    source = film(tmp_path / "a.mkv", planes(seed, "gray", 40, 56, 5), "gray")
    matrix = "1 -2 3 -4 5 -6 7 -8 9 -8 7 -6 5 -4 3 -2 1 -2 3 -4 5 -6 7 -8 5"
    rows = [" ".join(matrix.split()[row * 5 : row * 5 + 5]) for row in range(5)]
    ffmpeg("-i", source, "-vf", f"convolution=0m={matrix}", "-c:v", "ffv1", tmp_path / "b.mkv")
    filter_film(source, tmp_path / "c.mkv", "; ".join(rows), codec="ffv1")
    for theirs, ours in zip(decoded(tmp_path / "b.mkv")[0], decoded(tmp_path / "c.mkv")[0], strict=True):
        np.testing.assert_array_equal(ours[0][:-2, :-2], theirs[0][:-2, :-2])


@pytest.mark.parametrize("turn", [(90, False), (180, False), (-90, False), (0, True), (90, True)], ids=str)
def test_films_are_as_upright_as_it_makes_them(turn: tuple[int, bool], tmp_path: Path) -> None:
    shaded = np.add.outer(np.arange(32) * 5, np.arange(48) * 2)[..., None].repeat(3, 2).astype(np.uint8)
    with av.open(str(tmp_path / "a.mp4"), "w") as out:
        stream = out.add_stream("h264", rate=25)
        stream.width, stream.height = 48, 32
        stream.set_display_rotation(turn[0], hflip=turn[1])
        out.mux([*stream.encode(av.VideoFrame.from_ndarray(shaded)), *stream.encode()])
    ((_, ours),) = read_frames(tmp_path / "a.mp4")
    theirs = ffmpeg("-i", tmp_path / "a.mp4", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    got = np.frombuffer(theirs, np.uint8).reshape(ours.shape)
    assert np.abs(ours.astype(int) - got).mean() < 3


def test_uneven_times_and_sound_as_it_reads_them(tmp_path: Path) -> None:
    source, goal = tmp_path / "a.mp4", tmp_path / "b.mp4"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=96x64:r=30:d=3",
        "-itsoffset", "0.3", "-f", "lavfi", "-i", "sine=d=2",
        "-vf", "select='not(mod(n,7))+gt(mod(n\\,5)\\,2)'", "-vsync", "vfr", "-c:v", "libx264", "-bf", "3",
        "-pix_fmt", "yuv420p", "-c:a", "aac", source,
    )  # fmt: skip
    report = filter_film(source, goal, "gaussian:1")
    assert report.notes == ()
    assert len(times(goal, "v")) == report.frames
    assert times(goal, "v") == times(source, "v")
    assert times(goal, "a") == times(source, "a")
