"""NIfTI and DICOM: numbers, affine and spacing kept, held to nibabel and pydicom; damaged files refused."""

import io
import random
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convolve import apply, files, filters
from convolve.errors import ConvolveError, FileFormatError
from convolve.files import Picture
from convolve.files.reading import read_bytes
from convolve.pictures import filter_picture
from tests import seeds
from tests.cli.process import inside
from tests.files.test_hostile import GIGABYTE, MUTANTS, SECONDS, mutated
from tests.peers import peer

nibabel, pydicom = peer("nibabel"), peer("pydicom")

AFFINE = np.array(
    [[-0.7, 0.1, 0.0, 90.5], [0.1, 0.69, 0.2, -126.25], [0.02, -0.19, 1.5, -72.0], [0, 0, 0, 1]]
)


FIELDS = ("srow_x", "srow_y", "srow_z", "quatern_b", "qoffset_x", "sform_code", "qform_code", "pixdim")


def brain(dtype: Any = np.int16, shape: tuple[int, ...] = (21, 19, 11), affine: Any = AFFINE) -> Any:
    """Return a nibabel image of random numbers."""
    array = np.random.default_rng(seeds.seed()).integers(0, 900, shape).astype(dtype)
    image = nibabel.Nifti1Image(array, affine)
    image.header.set_xyzt_units("mm", "sec")
    image.set_sform(affine, 4)
    image.set_qform(affine, 1)
    return image


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_the_affine_is_unchanged_to_the_bit(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image = brain()
    nibabel.save(image, f"brain{ending}")
    done = inside("apply", f"brain{ending}", "-k", "gaussian:fwhm=4mm", "--dims", "3", "-o", f"out{ending}")
    assert done.returncode == 0, done.stderr
    found = nibabel.load(f"out{ending}")
    for field in FIELDS:
        assert found.header[field].tobytes() == image.header[field].tobytes(), field
    assert found.affine.tobytes() == nibabel.load(f"brain{ending}").affine.tobytes()
    spacing = nibabel.affines.voxel_sizes(image.affine)
    cells = 4 / 2.354820045 / np.array(image.header.get_zooms(), float)
    assert np.allclose(spacing, image.header.get_zooms(), rtol=1e-6)
    volume = np.asarray(image.dataobj)
    smooth = apply(volume, filters.gaussian(tuple(cells), ndim=3))
    assert np.abs(np.asarray(found.dataobj) - smooth).max() <= 0.51  # rounded to int16


def test_a_stride_moves_the_affine() -> None:
    image = brain(np.float32)
    picture = read_bytes(image.to_bytes(), "brain.nii")
    done = filter_picture(picture, filters.get("box:3", 3), stride=2, padding="valid").picture
    written = nibabel.Nifti1Image.from_bytes(files.writing.encode(done, "NIFTI"))
    index = np.array([3, 2, 1, 1.0])  # of a result; its window's middle is cell 2·i + 1
    middle = np.array([7, 5, 3, 1.0])
    assert np.allclose(written.affine @ index, image.affine @ middle, atol=1e-5)
    assert np.allclose(written.header.get_zooms(), 2 * np.array(image.header.get_zooms()), rtol=1e-5)


def test_slopes_series_and_other_kinds() -> None:
    image = brain(np.int16, (7, 6, 5, 4))
    image.header.set_slope_inter(0.5, -3)
    data = image.to_bytes()
    again = nibabel.Nifti1Image.from_bytes(data)
    picture = read_bytes(data, "series.nii")
    assert (picture.axes, picture.unit, picture.array.shape) == ("TZYX", "mm", (4, 5, 6, 7))
    assert np.array_equal(picture.array, again.get_fdata().T)
    second = nibabel.Nifti2Image(np.ones((3, 4, 5), np.float64), AFFINE)
    assert read_bytes(second.to_bytes(), "two.nii").array.shape == (5, 4, 3)
    told = Picture(np.ones((2, 3, 4), np.uint8), "ZYX", False, (3.0, 1.0, 0.5), "mm")
    written = files.writing.encode(told, "NIFTI")
    fresh = nibabel.Nifti1Image.from_bytes(written)
    assert np.allclose(fresh.header.get_zooms(), (0.5, 1.0, 3.0)) and fresh.shape == (4, 3, 2)
    with pytest.raises(FileFormatError, match="holds the axes YX, ZYX or TZYX, not YXC"):
        files.writing.encode(Picture(np.ones((2, 3, 4), np.uint8), "YXC"), "NIFTI")


def slice_of(number: int, z: float, *, slope: float = 1, intercept: float = -1024, **changes: Any) -> bytes:
    """Return the bytes of a CT slice."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.file_meta.MediaStorageSOPClassUID = CTImageStorage
    one.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number + 1}"
    one.SOPClassUID, one.SOPInstanceUID, one.SeriesInstanceUID = (
        CTImageStorage,
        f"1.2.3.{number + 1}",
        "1.2.3",
    )
    one.Modality, one.PhotometricInterpretation, one.SamplesPerPixel = "CT", "MONOCHROME2", 1
    one.Rows, one.Columns, one.BitsAllocated, one.BitsStored, one.HighBit = 6, 7, 16, 12, 11
    one.PixelRepresentation, one.PixelSpacing = 0, [0.8, 0.5]
    one.ImagePositionPatient, one.ImageOrientationPatient = [-10.0, -20.0, z], [1, 0, 0, 0, 1, 0]
    one.RescaleSlope, one.RescaleIntercept = slope, intercept
    one.PixelData = (np.arange(42, dtype=np.uint16).reshape(6, 7) + 100 * number).tobytes()
    for name, value in changes.items():
        setattr(one, name, value)
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, one, enforce_file_format=True)
    return stream.getvalue()


def series(folder: Path, places: list[float], **changes: Any) -> Path:
    """Write slices whose names say nothing of their order."""
    folder.mkdir(exist_ok=True)
    for number, z in enumerate(places):
        (folder / f"IM{(7 * number) % 11}").write_bytes(slice_of(number, z, **changes))
    return folder


def test_a_series_is_a_volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    series(Path("ct"), [5.0, 2.5, 7.5, 0.0])
    picture = files.read("ct")
    assert (picture.axes, picture.spacing, picture.unit) == ("ZYX", (2.5, 0.8, 0.5), "mm")
    assert picture.array.dtype == np.int16 and picture.array[:, 0, 0].tolist() == [-724, -924, -1024, -824]
    assert inside("apply", "ct", "-k", "identity", "--dims", "3", "-o", "ct.nii.gz").returncode == 0
    found = nibabel.load("ct.nii.gz")
    assert np.allclose(found.affine @ [1, 2, 3, 1], [10 - 0.5, 20 - 1.6, 7.5, 1])  # right, anterior, superior
    refused = inside("apply", "ct", "-k", "identity", "-o", "a.dcm")
    assert refused.returncode == 1 and "read and never written" in refused.stderr


@pytest.mark.parametrize(
    ("places", "changes", "said"),
    [
        ([0.0, 2.0, 6.0, 4.0, 10.0], {}, "after slice 4 the next is 4 mm away and not 2"),
        ([0.0, 2.0, 2.0, 4.0], {}, "one is missing or there twice"),
        ([0.0, 2.0], {"PhotometricInterpretation": "RGB"}, "has RGB colours"),
        ([0.0, 2.0], {"ImagePositionPatient": None}, "do not all say where they lie"),
        ([0.0], {"PixelData": bytes(10)}, "is cut off"),
        ([0.0], {"Rows": 60000, "Columns": 60000}, "may have at most"),
    ],
)
def test_series_that_are_refused(
    places: list[float], changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(FileFormatError, match=said):
        files.read(series(tmp_path / "ct", places, **changes))


def test_two_series_are_refused_and_white_zero_is_turned(tmp_path: Path) -> None:
    folder = series(tmp_path / "ct", [0.0, 2.0])
    (folder / "other").write_bytes(slice_of(9, 4.0, SeriesInstanceUID="1.2.9"))
    with pytest.raises(FileFormatError, match="must be of one series, they are of 2"):
        files.read(folder)
    turned = read_bytes(slice_of(0, 0.0, PhotometricInterpretation="MONOCHROME1", intercept=0), "a.dcm")
    assert turned.array[0, :3].tolist() == [4095, 4094, 4093]


def test_a_gz_of_something_else_is_refused() -> None:
    with pytest.raises(FileFormatError, match="holds no NIfTI file"):
        read_bytes(files.nifti.packed(b"text"), "a.gz")


@pytest.mark.parametrize("kind", [".nii", ".nii.gz", ".dcm"])
def test_damaged_files(kind: str) -> None:
    whole = slice_of(0, 0.0) if kind == ".dcm" else brain(shape=(9, 8, 7)).to_bytes()
    whole = files.nifti.packed(whole) if kind == ".nii.gz" else whole
    draw = random.Random(f"{seeds.seed()} {kind}")
    refused, before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(MUTANTS):
        data = mutated(whole, draw)
        start = time.perf_counter()
        try:
            assert read_bytes(data, f"a{kind}").array.size > 0
        except ConvolveError:
            refused += 1
        assert time.perf_counter() - start < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIGABYTE
    assert refused > MUTANTS // 20
