"""Damaged films: our error or success, quickly, in little memory, no traceback and nothing half-written."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from convolve.errors import FileFormatError
from convolve.video import filter_film, write_frames
from tests import seeds
from tests.cli.process import environment
from tests.video.making import av, film, frame
from tests.video.test_containers import content, rich

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = {".mp4": 200, ".mkv": 200, ".webm": 200, ".avi": 200}
SECONDS = 5.0
GIGABYTE = 1 << 20  # in the kilobytes of ru_maxrss


def specimen(folder: Path, suffix: str) -> Path:
    """Return a small film of a kind."""
    path = folder / f"whole{suffix}"
    if suffix in (".mp4", ".mkv"):
        return rich(path)
    return film(path, content(8), codec="vp9" if suffix == ".webm" else "mpeg4")


@pytest.mark.parametrize("suffix", sorted(MUTANTS))
def test_mutated_films(suffix: str, tmp_path: Path) -> None:
    source = specimen(tmp_path, suffix)
    done = subprocess.run(
        [sys.executable, "-m", "tests.video.hostile_child", str(source), str(MUTANTS[suffix]),
        str(seeds.seed())], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=240,
        check=False,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"after {lines[-1:]} with seed {seeds.seed()}: {done.stderr[-2000:]}"
    rows = [line for line in lines if "seconds" in line]
    assert len(rows) == MUTANTS[suffix]
    assert max(row["seconds"] for row in rows) < SECONDS
    assert max(row["grown"] for row in rows) < GIGABYTE
    assert all(row["left"] == [] for row in rows)
    refused = [row["said"] for row in rows if row["said"] is not None]
    assert len(refused) > MUTANTS[suffix] // 20
    assert all(len(said) > 20 for said in refused)


def test_truncated_anywhere(tmp_path: Path) -> None:
    """An .mkv plays up to where it ends, with a note or not; an .mp4 without its index is refused."""
    for suffix, index_last in ((".mkv", False), (".mp4", True)):
        source = specimen(tmp_path, suffix)
        whole = source.read_bytes()
        for part in (0, 1, 100, len(whole) // 2, len(whole) - 200):
            cut = tmp_path / f"cut{suffix}"
            cut.write_bytes(whole[:part])
            try:
                report = filter_film(cut, tmp_path / "out.mkv", "box:3", force=True)
            except FileFormatError:
                assert index_last or part <= len(whole) // 2
            else:
                assert not index_last and report.frames <= 12


def test_counts_and_sizes_in_headers_are_not_believed(tmp_path: Path) -> None:
    source = specimen(tmp_path, ".mp4")
    whole = source.read_bytes()
    at = whole.index(b"stsz") + 12  # the number of samples
    for claimed in (0, 5, 2**31 - 1):
        source.write_bytes(whole[:at] + claimed.to_bytes(4, "big") + whole[at + 4 :])
        try:
            assert filter_film(source, tmp_path / "out.mkv", "box:3", force=True).frames <= 12
        except FileFormatError as refusal:
            assert "damaged" in str(refusal) or "holds" in str(refusal) or "must hold" in str(refusal)
    picture = content(1, 8, 8)[0][0]
    write_frames(tmp_path / "raw.avi", [picture] * 3, codec="ffv1")
    lie = (tmp_path / "raw.avi").read_bytes()
    at = lie.index(b"strf") + 12
    lie = lie[:at] + (1 << 20).to_bytes(4, "little") * 2 + lie[at + 8 :]
    (tmp_path / "raw.avi").write_bytes(lie)
    with pytest.raises(FileFormatError, match=r"at most|damaged|must have pixels"):
        filter_film(tmp_path / "raw.avi", tmp_path / "out.mkv", "box:3", force=True)


def test_times_that_go_back_are_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.height, stream.width = content(1)[0][0].shape
        for order, (stamp, one) in enumerate(zip((0, 4, 2, 6), content(4), strict=True)):
            for packet in stream.encode(frame("yuv420p", one, order, Fraction(1, 25))):
                packet.pts = stamp
                out.mux(packet)
    with pytest.raises(FileFormatError, match="time stamps of a film must grow, but frame 2"):
        filter_film(tmp_path / "a.mkv", tmp_path / "b.mkv", "box:3")
    assert [one.name for one in tmp_path.iterdir()] == ["a.mkv"]
