"""NIfTI: bombs refused before they unpack, members of gzip files, names of results, sform and qform moved."""

import gzip
import itertools
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convolve import files, filters
from convolve.errors import FileFormatError
from convolve.files import Picture
from convolve.files.reading import read_bytes
from convolve.pictures import filter_picture
from tests import seeds
from tests.cli.process import SOURCE, inside
from tests.files.test_hostile import GIGABYTE, SECONDS
from tests.peers import peer

nibabel = peer("nibabel")

TURNED = np.array([[0.0, -2.0, 0.0, 31.0], [1.5, 0.0, 0.0, -17.5], [0.0, 0.0, 3.0, 6.25], [0, 0, 0, 1]])
ATLAS = np.array([[-2.1, 0.1, 0, 90], [0.1, 2.2, -0.3, -126], [0, 0.4, 2.9, -72], [0, 0, 0, 1.0]])

READ = """
import sys, time
from convolve import files
from convolve.errors import FileFormatError
start = time.perf_counter()
try:
    files.read(sys.argv[1])
except FileFormatError as error:
    print(error)
    print(time.perf_counter() - start, *[x.split()[1] for x in open('/proc/self/status') if 'VmHWM' in x])
"""
"""Prints why, the seconds, and the most memory in kB (not ``ru_maxrss``: a parent's is inherited)."""


def image(shape: tuple[int, ...] = (7, 6, 5), dtype: Any = np.int16) -> Any:
    """Return a nibabel image whose sform says an atlas's place, and its qform the scanner's."""
    array = np.random.default_rng(seeds.seed()).integers(0, 900, shape).astype(dtype)
    made = nibabel.Nifti1Image(array, None)
    made.header.set_xyzt_units("mm", "sec")
    made.set_qform(TURNED, 1)
    made.set_sform(ATLAS, 4)
    return made


def written_out(made: Any) -> bytes:
    """Return the bytes of a file, its header as it stands: nibabel would set some codes anew."""
    header = made.header.copy()
    header["vox_offset"], header["magic"] = 352, b"n+1"
    return bytes(header.binaryblock) + bytes(4) + np.asarray(made.dataobj).T.tobytes()


def refusal(path: Path) -> str:
    """Return why a file is refused, by a process of its own that may take neither memory nor time."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True, timeout=120,
        env={"PYTHONPATH": str(SOURCE)},
    )  # fmt: skip
    said, cost = done.stdout.strip().split("\n")
    seconds, most = map(float, cost.split())
    assert seconds < SECONDS and most < GIGABYTE, cost
    return said


def zeros_packed(head: bytes, count: int) -> bytes:
    """Return a gzip file of a head and so many zeros, as members of 64 MB, of which one is packed."""
    piece = 1 << 26
    return gzip.compress(head) + gzip.compress(bytes(piece)) * (count // piece)


@pytest.mark.parametrize(
    ("dim", "dtype", "said"),
    [
        ((7, 6, 5), np.int16, "holds more than the 420 bytes"),
        ((1000, 1000, 3000), np.int16, "may have at most"),
        ((600, 600, 700), np.float64, "at most"),  # of what a file of this length can unpack to
        ((200, 200, 200), np.float64, "holds more than the 64000000 bytes"),
    ],
)
def test_a_bomb_is_refused_by_its_header(dim: tuple[int, ...], dtype: Any, said: str, tmp_path: Path) -> None:
    header = nibabel.Nifti1Header()
    header.set_data_dtype(dtype)
    header["dim"][: len(dim) + 1] = (len(dim), *dim)
    header["vox_offset"], header["magic"] = 352, b"n+1"
    packed = zeros_packed(header.binaryblock + bytes(4), 6 * 10**9 if said != "at most" else 1 << 26)
    path = tmp_path / "bomb.nii.gz"
    path.write_bytes(packed)
    assert len(packed) < 7e6 and said in refusal(path)


def test_long_extensions_are_refused_before_they_are_unpacked() -> None:
    header = nibabel.Nifti1Header()
    header.set_data_shape((2, 3, 4))
    header["vox_offset"], header["magic"] = 3e9, b"n+1"
    packed = zeros_packed(header.binaryblock + bytes(4), 3 * 10**9)
    start = time.perf_counter()
    with pytest.raises(FileFormatError, match="must begin at most 67108864 bytes behind the header"):
        read_bytes(packed, "a.nii.gz")
    assert time.perf_counter() - start < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 8 * GIGABYTE


def test_members_of_a_gzip_file_are_one_file() -> None:
    made = image()
    data = made.to_bytes()
    for cuts in ([100], [352], [348, 400], range(10, len(data), 97)):
        edges = [0, *cuts, len(data)]
        packed = b"".join(gzip.compress(data[a:b]) for a, b in itertools.pairwise(edges))
        found = read_bytes(packed, "a.nii.gz")
        assert np.array_equal(found.array, np.asarray(made.dataobj).T)
        with pytest.raises(FileFormatError, match=r"is cut off|damaged"):
            read_bytes(packed[:-9], "a.nii.gz")
    padded = read_bytes(gzip.compress(data + bytes(512)) + bytes(512), "a.nii.gz")  # a filled block
    assert np.array_equal(padded.array, np.asarray(made.dataobj).T)
    wrong = bytearray(gzip.compress(data))
    wrong[-6] ^= 1  # of the checksum
    with pytest.raises(FileFormatError, match="damaged"):
        read_bytes(bytes(wrong), "a.nii.gz")
    with pytest.raises(FileFormatError, match="there are 300"):
        read_bytes(gzip.compress(data[:652]), "a.nii.gz")


@pytest.mark.parametrize(
    ("source", "name", "result"),
    [
        ("brain.nii", "nii.gz", "brain.nii.gz"),
        ("brain.nii.gz", "nii.gz", "brain.nii.gz"),
        ("brain.nii.gz", "NII.GZ", "brain.nii.gz"),
        ("brain.nii.gz", "nii", "brain.nii"),
        ("brain.v2.nii.gz", "nifti", "brain.v2.nii"),
        ("brain.nii.gz", "npy", "brain.npy"),
    ],
)
def test_results_are_named_by_their_format(
    source: str, name: str, result: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    nibabel.save(image(), source)
    done = inside("apply", source, "-k", "identity", "-o", "out/", "--format", name)
    assert done.returncode == 0, done.stderr
    assert [one.name for one in Path("out").iterdir()] == [result]
    begin = (Path("out") / result).read_bytes()[:2]
    assert (begin == b"\x1f\x8b") == result.endswith(".gz")
    found = files.read(Path("out") / result).array
    assert np.array_equal(found, np.asarray(nibabel.load(source).dataobj).T)


def test_a_pipe_is_packed_if_asked(tmp_path: Path) -> None:
    picture = Picture(np.ones((2, 3, 4), np.uint8), "ZYX")
    for name, packed in (("nii.gz", True), ("nii", False)):
        with (tmp_path / name).open("wb") as stream:
            files.write(stream, picture, format=name)
        assert (tmp_path / name).read_bytes().startswith(b"\x1f\x8b") == packed
        assert np.array_equal(files.read(tmp_path / name).array, picture.array)


@pytest.mark.parametrize("codes", [(1, 4), (1, 0), (0, 4)])
def test_a_stride_moves_qform_and_sform_each_by_itself(codes: tuple[int, int]) -> None:
    made = image((23, 21, 19), np.float32)
    made.header["qform_code"], made.header["sform_code"] = codes
    picture = read_bytes(written_out(made), "brain.nii")
    for _ in range(2):  # a second filter moves what the first has moved
        picture = filter_picture(picture, filters.get("box:3", 3), stride=2, padding="valid").picture
    written = nibabel.Nifti1Image.from_bytes(files.writing.encode(picture, "NIFTI")).header
    assert (int(written["qform_code"]), int(written["sform_code"])) == codes
    moved = np.diag([4.0, 4, 4, 1])
    moved[:3, 3] = 3  # the first result stands on cell 1 + 2·1
    for part in ("quatern_b", "quatern_c", "quatern_d"):
        assert written[part].tobytes() == made.header[part].tobytes()
    assert np.array_equal(written["pixdim"][:4], made.header["pixdim"][:4] * np.float32([1, 4, 4, 4]))
    if codes[0]:
        wanted = made.header.get_qform() @ moved
        assert np.abs(written.get_qform() - wanted).max() <= 1e-5
        assert np.array_equal([written[f"qoffset_{one}"] for one in "xyz"], np.float32(wanted[:3, 3]))
    if codes[1]:
        assert np.array_equal(written.get_sform(), np.float32(made.header.get_sform() @ moved))


def test_an_affine_that_a_caller_gives_is_written() -> None:
    picture = read_bytes(image((23, 21, 19)).to_bytes(), "brain.nii")
    moved = filter_picture(picture, filters.get("box:3", 3), stride=2).picture
    own = Picture(moved.array, "ZYX", metadata={**moved.metadata, "affine": TURNED})
    written = nibabel.Nifti1Image.from_bytes(files.writing.encode(own, "NIFTI"))
    assert np.allclose(written.header.get_qform(), TURNED, atol=1e-5)
    assert np.allclose(written.header.get_sform(), TURNED)


def test_a_stride_in_time_and_a_qform_that_is_no_rotation() -> None:
    made = image((9, 8, 7, 6), np.float32)
    made.header["pixdim"][4] = 2.5
    picture = read_bytes(made.to_bytes(), "series.nii")
    change = np.array([1.0, -1.0]).reshape(2, 1, 1)
    slower = filter_picture(picture, change, stride=(3, 1, 1), through="TZ").picture
    written = nibabel.Nifti1Image.from_bytes(files.writing.encode(slower, "NIFTI"))
    assert written.header["pixdim"][4] == 7.5 and written.shape == (9, 8, 7, 2)
    made.header["quatern_b"] = made.header["quatern_c"] = 1.0
    picture = read_bytes(written_out(made), "series.nii")
    moved = filter_picture(picture, filters.get("box:3", 3), stride=2).picture
    written = nibabel.Nifti1Image.from_bytes(files.writing.encode(moved, "NIFTI"))
    assert int(written.header["qform_code"]) == 0 and int(written.header["sform_code"]) == 4
