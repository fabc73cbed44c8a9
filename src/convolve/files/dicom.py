"""DICOM, by pydicom: one slice, or a folder of them as the volume that a scanner made; read, never written.

Numbers are what the device meant, stored values times slope plus intercept: Hounsfield units of a CT. Slices
are sorted by their positions along the normal of their planes; the affine, in NIfTI's directions (DICOM's x
and y run the other way), goes along in ``metadata["affine"]``.
"""

import io
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convolve.errors import FileFormatError, FileMissingError, MissingExtraError
from convolve.files.picture import Picture, check_size

MAGIC_AT, MAGIC = 128, b"DICM"
MOST_SLICES = 10_000
"""Files of a folder that are looked at: a whole-body CT has some thousand."""

UNEVEN = 0.01
"""Part of the distance of two slices by which others may differ: positions are written with few digits."""

LARGEST_SLICE = 1 << 28
"""Bytes of one file of a series beyond which it is not read."""

TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From DICOM's directions (left, posterior, superior) to NIfTI's (right, anterior, superior)."""


def begins(head: bytes) -> bool:
    """Tell whether a file begins as DICOM does."""
    return head[MAGIC_AT : MAGIC_AT + 4] == MAGIC


def is_series(folder: Path) -> bool:
    """Tell whether a folder's files are DICOM slices."""
    first = next((one for one in sorted(folder.iterdir()) if one.is_file()), None)
    if first is None:
        return False
    with first.open("rb") as file:
        return begins(file.read(MAGIC_AT + 4))


def _pydicom() -> Any:
    try:
        import pydicom  # an extra, needed for DICOM alone
    except ImportError as error:
        raise MissingExtraError.of("pydicom", "medical", "DICOM") from error
    return pydicom


def decode(data: bytes, name: str) -> Picture:
    """Return the picture in the bytes of one DICOM file."""
    return _picture([_opened(data, name)], name)


def read_series(folder: Path) -> Picture:
    """Return the volume that the slices of a folder make."""
    paths = sorted(one for one in folder.iterdir() if one.is_file())
    if not paths:
        raise FileMissingError(f"the folder {folder} holds no slices; check the path")
    if len(paths) > MOST_SLICES:
        raise FileFormatError(f"a series may have at most {MOST_SLICES} files, {folder} holds {len(paths)}")
    opened = []
    for path in paths:
        if path.stat().st_size > LARGEST_SLICE:
            raise FileFormatError(f"a slice may have at most {LARGEST_SLICE} bytes, {path} has more")
        data = path.read_bytes()
        if begins(data[: MAGIC_AT + 4]):
            opened.append(_opened(data, str(path)))
    if not opened:
        raise FileFormatError(f"the folder {folder} holds no DICOM slice; give a file, or a folder of slices")
    return _picture(opened, str(folder))


def _opened(data: bytes, name: str) -> Any:
    """Return a dataset whose numbers are not decoded yet."""
    library = _pydicom()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of values that are not as they should be: those used are checked
            return library.dcmread(io.BytesIO(data))
    except Exception as error:  # a damaged file can make the library raise nearly anything
        raise FileFormatError(
            f"{name} is damaged or not a whole DICOM file: {error}; get it again"
        ) from error


def _picture(slices: Sequence[Any], name: str) -> Picture:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as in `_opened`: values are converted when they are asked for
            ordered = _sorted(slices, name)
            planes = [_plane(one, name) for one in ordered]
            affine = _affine(ordered)
            array = planes[0] if len(planes) == 1 else np.stack(planes)
            spacing = _spacing(ordered, array.ndim)
    except (FileFormatError, MissingExtraError):
        raise
    except Exception as error:  # values of a wrong kind, decoders that fail
        raise FileFormatError(f"{name} is damaged or lacks what a picture needs: {error}") from error
    metadata = {} if affine is None else {"affine": affine}
    return Picture(array, "YX" if array.ndim == 2 else "ZYX", False, spacing, "mm", (), metadata)


def _sorted(slices: Sequence[Any], name: str) -> list[Any]:
    """Return slices in the order of their places, if they make a volume."""
    series = {str(getattr(one, "SeriesInstanceUID", "")) for one in slices}
    if len(series) > 1:
        raise FileFormatError(
            f"the slices in {name} must be of one series, they are of {len(series)}; part them"
        )
    if len(slices) == 1:
        return list(slices)
    if any(_position(one) is None for one in slices):
        raise FileFormatError(f"the slices in {name} do not all say where they lie; they cannot be sorted")
    kinds = {
        (int(one.Rows), int(one.Columns), tuple(map(float, one.ImageOrientationPatient))) for one in slices
    }
    if len(kinds) > 1:
        raise FileFormatError(
            f"the slices in {name} must have one size and direction, they have {len(kinds)}"
        )
    normal = _normal(slices[0])
    ordered = sorted(slices, key=lambda one: float(normal @ _position(one)))
    places = np.array([normal @ _position(one) for one in ordered])
    steps = np.diff(places)
    usual = float(np.median(steps))
    if usual <= 0 or (np.abs(steps - usual) > UNEVEN * usual).any():
        worst = int(np.abs(steps - usual).argmax())
        raise FileFormatError(
            f"the slices in {name} must be evenly spaced, but after slice {worst + 1} the next is "
            f"{steps[worst]:g} mm away and not {usual:g}: one is missing or there twice"
        )
    return ordered


def _position(one: Any) -> NDArray[Any] | None:
    place = getattr(one, "ImagePositionPatient", None)
    return None if place is None else np.array([float(number) for number in place])


def _normal(one: Any) -> NDArray[Any]:
    turned = np.array([float(number) for number in one.ImageOrientationPatient])
    return np.cross(turned[:3], turned[3:])


def _plane(one: Any, name: str) -> NDArray[Any]:
    """Return one slice, or the frames of one file, as the device meant them."""
    if "PixelData" not in one:
        raise FileFormatError(f"{name} holds no picture; some DICOM files are reports or plans")
    kind = str(one.PhotometricInterpretation)
    if kind not in ("MONOCHROME1", "MONOCHROME2") or int(one.SamplesPerPixel) != 1:
        raise FileFormatError(f"{name} has {kind} colours, which are not read; save it as grey")
    syntax = one.file_meta.TransferSyntaxUID
    shape = (int(getattr(one, "NumberOfFrames", 1) or 1), int(one.Rows), int(one.Columns))
    check_size(shape, name)
    wanted = math.prod(shape) * (-(-int(one.BitsAllocated) // 8))
    if not syntax.is_compressed and len(one.PixelData) < wanted:
        raise FileFormatError(
            f"{name} is cut off: its header says {shape}, {wanted} bytes, and there are {len(one.PixelData)}"
        )
    try:
        stored = np.asarray(one.pixel_array)
    except Exception as error:
        raise FileFormatError(
            f"{name} is compressed as {syntax.name}, or damaged, and cannot be unpacked here: {error}; save "
            "it uncompressed"
        ) from error
    if kind == "MONOCHROME1":  # the smallest number is white
        ends = -1 if int(one.PixelRepresentation) else (1 << int(one.BitsStored)) - 1
        stored = (ends - stored.astype(np.int64)).astype(stored.dtype)
    return _meant(stored, float(getattr(one, "RescaleSlope", 1)), float(getattr(one, "RescaleIntercept", 0)))


def _meant(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Return stored values times slope plus intercept: as integers where both are whole and results fit."""
    if slope == 1 and intercept == 0:
        return stored
    if slope == int(slope) and intercept == int(intercept) and stored.dtype.kind in "iu" and stored.size:
        whole = stored.astype(np.int64) * int(slope) + int(intercept)
        for dtype in (np.int16, np.int32):
            if np.iinfo(dtype).min <= whole.min() and whole.max() <= np.iinfo(dtype).max:
                return whole.astype(dtype)
    return stored * np.float64(slope) + np.float64(intercept)


def _spacing(ordered: Sequence[Any], ndim: int) -> tuple[float | None, ...]:
    """Return the size of a cell in mm: rows and columns as told, slices by their places."""
    told = getattr(ordered[0], "PixelSpacing", None)
    plane: tuple[float | None, ...] = (None, None) if told is None else (float(told[0]), float(told[1]))
    if ndim == 2:
        return plane
    start, second = _position(ordered[0]), _position(ordered[min(1, len(ordered) - 1)])
    if len(ordered) > 1 and start is not None and second is not None:
        return (float(np.linalg.norm(second - start)), *plane)
    between = getattr(ordered[0], "SpacingBetweenSlices", None)
    return (None if between is None else float(between), *plane)


def _affine(ordered: Sequence[Any]) -> NDArray[Any] | None:
    """Return NIfTI's affine, from (column, row, slice) to mm; None if a slice does not say where it lies."""
    first = ordered[0]
    start, told = _position(first), getattr(first, "PixelSpacing", None)
    if start is None or told is None or "ImageOrientationPatient" not in first:
        return None
    turned = np.array([float(number) for number in first.ImageOrientationPatient])
    affine = np.eye(4)
    affine[:3, 0] = turned[:3] * float(told[1])
    affine[:3, 1] = turned[3:] * float(told[0])
    many = len(ordered) > 1
    affine[:3, 2] = _position(ordered[1]) - start if many else _normal(first)
    affine[:3, 3] = start
    found: NDArray[Any] = TO_RAS @ affine
    return found
