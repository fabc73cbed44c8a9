"""DICOM: slices that make no volume refused, steps by their mean, tilted gantries told, bombs, DICOMDIR."""

import io
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convolve import files
from convolve.errors import FileFormatError, FileMissingError
from convolve.files.reading import read_bytes
from tests.cli.process import inside
from tests.files.test_hostile import SECONDS
from tests.files.test_medical import series, slice_of
from tests.files.test_nifti import refusal
from tests.peers import peer

nibabel, pydicom = peer("nibabel"), peer("pydicom")

DEFLATED = "1.2.840.10008.1.2.1.99"


def placed(folder: Path, places: list[list[float]], changes: list[dict[str, Any]] | None = None) -> Path:
    """Write slices at places, each with its own changes."""
    folder.mkdir(exist_ok=True)
    for number, place in enumerate(places):
        own = {} if changes is None else changes[number]
        data = slice_of(number, 0.0, **{"ImagePositionPatient": place, **own})
        (folder / f"IM{number}").write_bytes(data)
    return folder


def tilted(degrees: float, count: int = 5) -> list[list[float]]:
    """Return places of slices 2 mm apart along their normal, shifted as a tilted gantry does."""
    return [[-10.0, -20.0 + 2 * n * float(np.tan(np.radians(degrees))), 2.0 * n] for n in range(count)]


@pytest.mark.parametrize(
    ("places", "changes", "said"),
    [
        (tilted(0), [{}] * 4 + [{"PixelSpacing": [0.8, 0.6]}], "one pixel spacing, they have 0.8 × 0.5"),
        (tilted(0), [{}] * 4 + [{"PixelSpacing": None}], "they have 0.8 × 0.5 mm, none mm"),
        ([[0, 0, 0], [3, 0, 2], [0, 0, 4]], None, "but some lie 3 mm aside"),
        ([[0, 0, 0], [0, 0, 2], [0, 0, 4], [0, 6, 6]], None, "on one line, but some lie"),
        (tilted(60), None, "theirs is 60 degrees from the normal"),
        ([[0, 0, 0], [0, 0, 2], [0, 0, float("nan")]], None, "do not all say where they lie"),
        ([[0, 0, 0], [0, float("inf"), 2]], None, "do not all say where they lie"),
        ([[0, 0, 0], [0, 0]], None, "do not all say where they lie"),
        (tilted(0), [{"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}] * 5, "do not all say where they lie"),
        (tilted(0), [{}] * 4 + [{"ImageOrientationPatient": [1, 0, 0, 0, 0, 1]}], "directions differ by 1"),
        ([[0, 0, 0], [0, 0, 2], [0, 0, 4.1]], None, "must be evenly spaced"),
        ([[0, 0, n * (2 + n / 10000)] for n in range(100)], None, "from where steps of 2.0099 mm lead"),
    ],
)
def test_slices_that_make_no_volume(
    places: list[list[float]], changes: list[dict[str, Any]] | None, said: str, tmp_path: Path
) -> None:
    with pytest.raises(FileFormatError, match=said):
        files.read(placed(tmp_path / "ct", places, changes))


def test_the_step_is_the_mean_of_all(tmp_path: Path) -> None:
    places = [[0.0, 0.0, round(10 * n / 3, 2)] for n in range(31)]  # 3.33 and 3.34 mm: they have few digits
    picture = files.read(placed(tmp_path / "ct", places))
    assert picture.spacing is not None and picture.spacing[0] == pytest.approx(10 / 3, rel=1e-6)
    last = picture.metadata["affine"] @ [0, 0, 30, 1]
    assert np.allclose(last, [0, 0, 100, 1], atol=1e-9) and not picture.notes


def test_orientations_with_few_digits_are_one(tmp_path: Path) -> None:
    near = [{"ImageOrientationPatient": [1, 0, one, 0, 1, 0]} for one in (0.0, 1e-6, -1e-6, 0.0, 0.0)]
    assert files.read(placed(tmp_path / "ct", tilted(0), near)).array.shape == (5, 6, 7)


def test_a_tilted_gantry_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = tilted(15)
    placed(Path("ct"), places)
    done = inside("apply", "ct", "-k", "identity", "--dims", "3", "-o", "ct.nii.gz")
    assert done.returncode == 0 and "tilted gantry" in done.stderr and "by 15.0 degrees" in done.stderr
    affine = nibabel.load("ct.nii.gz").affine
    for number, (x, y, z) in enumerate(places):  # each slice lies where the device said
        assert np.allclose(affine @ [0, 0, number, 1], [-x, -y, z, 1], atol=1e-4)


def test_white_zeros_are_told() -> None:
    turned = read_bytes(slice_of(0, 0.0, PhotometricInterpretation="MONOCHROME1", intercept=0), "a.dcm")
    assert turned.array[0, :3].tolist() == [4095, 4094, 4093]
    assert len(turned.notes) == 1 and "MONOCHROME1" in turned.notes[0]
    assert not read_bytes(slice_of(0, 0.0), "b.dcm").notes


def test_a_slice_without_a_place_is_still_a_picture() -> None:
    for changes in (
        {"ImagePositionPatient": [0, float("nan"), 0]},
        {"PixelSpacing": [0, 0]},
        {"PixelSpacing": [float("nan"), 1]},
    ):
        picture = read_bytes(slice_of(0, 0.0, **changes), "a.dcm")
        assert picture.array.shape == (6, 7) and "affine" not in picture.metadata
        assert picture.spacing == ((None, None) if "PixelSpacing" in changes else (0.8, 0.5))


def directory(folder: Path) -> None:
    """Write a DICOMDIR that lists nothing."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    one.file_meta.MediaStorageSOPInstanceUID = "1.2.3.99"
    one.FileSetID, one.DirectoryRecordSequence = "DISK", []
    pydicom.dcmwrite(folder / "DICOMDIR", one, enforce_file_format=True)


def test_a_dicomdir_is_no_slice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    series(Path("ct"), [0.0, 2.5, 5.0])
    directory(Path("ct"))
    Path("ct/.hidden").write_bytes(b"of another program")
    assert files.read("ct").array.shape == (3, 6, 7)
    done = inside("apply", "ct", "-k", "identity", "-o", "ct.nii.gz")
    assert done.returncode == 0, done.stderr
    Path("disk").mkdir()
    directory(Path("disk"))
    with pytest.raises(FileMissingError, match="a DICOMDIR only lists those of its subfolders"):
        files.read("disk")


@pytest.mark.parametrize(
    "words",
    [
        ("none.npy", "-o", "a.dcm"),
        ("none.npy", "-o", "a.npy", "--format", "dcm"),
        ("-", "-o", "-", "--format", "dicom"),
        ("*.dcm", "-o", "out/"),
        ("ct", "-o", "out/", "--format", "dcm"),
    ],
)
def test_dicom_as_a_result_is_refused_at_once(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / f"{name}.dcm").write_bytes(slice_of(0, 0.0, PixelData=bytes(10)))  # damaged: never read
    series(Path("ct"), [0.0], PixelData=bytes(10))
    done = inside("apply", *words, "-k", "identity")
    assert done.returncode == 1 and done.stderr.count("read and never written") == 1, done.stderr
    assert not list(tmp_path.glob("out/*"))


def deflated(inner: bytes) -> bytes:
    """Return a slice's bytes with its dataset deflated, or with something else in that place."""
    whole = pydicom.dcmread(io.BytesIO(slice_of(0, 0.0)))
    whole.file_meta.TransferSyntaxUID = DEFLATED
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, whole, enforce_file_format=True)
    data = stream.getvalue()
    meta = pydicom.dcmread(io.BytesIO(data)).file_meta
    start = 132 + 12 + int(meta.FileMetaInformationGroupLength)
    return data if not inner else data[:start] + inner


def test_a_deflated_file_is_read_and_a_bomb_refused(tmp_path: Path) -> None:
    plain = read_bytes(slice_of(0, 0.0), "a.dcm")
    assert np.array_equal(read_bytes(deflated(b""), "a.dcm").array, plain.array)
    machine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = machine.compress(bytes(1 << 26)) + machine.flush(zlib.Z_FULL_FLUSH)
    body = machine.compress(bytes(1 << 26)) + machine.flush(zlib.Z_FULL_FLUSH)
    path = tmp_path / "bomb.dcm"
    path.write_bytes(deflated(packed + body * 90))
    assert path.stat().st_size < 7e6 and "may unpack to at most 268435456 bytes" in refusal(path)
    start = time.perf_counter()
    with pytest.raises(FileFormatError, match="damaged"):
        read_bytes(deflated(b"\xff" * 1000), "a.dcm")
    assert time.perf_counter() - start < SECONDS
