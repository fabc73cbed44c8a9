"""A file is the old one or the new one: killed at any instant, on a full disk, in a race."""

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from convolve import files
from convolve.errors import FileAccessError, FileExistsRefusal, FileFormatError, FileMissingError
from convolve.files import Picture
from convolve.files.atomic import write_bytes
from tests import seeds
from tests.files.making import numbers

KILLS = 20
ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import os, random, signal, sys, time
import numpy as np
from convolve import files

path, kills, draw = sys.argv[1], int(sys.argv[2]), random.Random(sys.argv[3])
pictures = [files.Picture(np.full((400, 500), value, np.uint8), "YX") for value in (10, 200)]
files.write(path, pictures[0], force=True)
for _ in range(kills):  # children are forked, for each would need half a second to import NumPy
    child = os.fork()
    while child == 0:
        for picture in pictures[::-1]:
            files.write(path, picture, force=True)
    time.sleep(draw.uniform(0.001, 0.05))
    os.kill(child, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1]), "the writer ended by itself"
    array = files.read(path).array
    print(array.shape == (400, 500), array.min() == array.max(), array[0, 0])
"""


@pytest.mark.parametrize("suffix", ["png", "tif", "npy"])
def test_killed_at_random_instants(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"picture.{suffix}"
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(path), str(KILLS), f"{seeds.seed()} {suffix}"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == KILLS
    assert set(lines) <= {"True True 10", "True True 200"}


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    files.write(path, Picture(numbers(5, 5), "YX"))
    before = path.read_bytes()
    with pytest.raises(FileExistsRefusal, match="--force"):
        files.write(path, Picture(numbers(6, 6), "YX"))
    assert path.read_bytes() == before
    files.write(path, Picture(numbers(6, 6), "YX"), force=True)
    assert files.read(path).array.shape == (6, 6)
    assert [one.name for one in tmp_path.iterdir()] == ["picture.png"]


def test_a_file_that_appears_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "picture.png"
    real = os.link

    def link(source: Path, target: Path) -> None:
        path.write_bytes(b"another writer was quicker")
        real(source, target)

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(FileExistsRefusal):
        files.write(path, Picture(numbers(5, 5), "YX"))
    assert path.read_bytes() == b"another writer was quicker"
    assert len(list(tmp_path.iterdir())) == 1


def test_file_systems_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    path = tmp_path / "picture.png"
    files.write(path, Picture(numbers(5, 5), "YX"))
    assert files.read(path).array.shape == (5, 5)
    with pytest.raises(FileExistsRefusal):
        write_bytes(path, b"", force=False)
    assert [one.name for one in tmp_path.iterdir()] == ["picture.png"]


def test_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "picture.tif"
    files.write(path, Picture(numbers(5, 5), "YX"))
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
        with pytest.raises(FileAccessError, match="nothing was changed"):
            files.write(path, Picture(numbers(300, 300), "YX"), force=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_full_device() -> None:
    with pytest.raises(FileAccessError, match="cannot be written"):
        files.write("/dev/full", Picture(numbers(5, 5), "YX"), format="png")


def test_rights_and_links_are_kept(tmp_path: Path) -> None:
    path, link = tmp_path / "picture.png", tmp_path / "link.png"
    files.write(path, Picture(numbers(5, 5), "YX"))
    path.chmod(0o600)
    link.symlink_to(path)
    files.write(link, Picture(numbers(6, 6), "YX"), force=True)
    assert link.is_symlink()
    assert files.read(path).array.shape == (6, 6)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_refusals(tmp_path: Path) -> None:
    picture = Picture(numbers(5, 5), "YX")
    with pytest.raises(FileFormatError, match=r"suffix of picture\.xyz must say its format"):
        files.write(tmp_path / "picture.xyz", picture)
    with pytest.raises(FileFormatError, match="format must be one of"):
        files.write(tmp_path / "picture.png", picture, format="psd")
    with pytest.raises(FileMissingError, match="does not exist; create it"):
        files.write(tmp_path / "none" / "picture.png", picture)
    with pytest.raises(FileFormatError, match="every dimension"):
        Picture(np.zeros((2, 2)), "YXC")
