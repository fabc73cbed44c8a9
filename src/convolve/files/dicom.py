"""DICOM, by pydicom: one slice, or a folder of them as the volume that a scanner made; read, never written.

Numbers are what the device meant, stored values times slope plus intercept: Hounsfield units of a CT. Slices
are sorted by their positions along the normal of their planes; the affine, in NIfTI's directions (DICOM's x
and y run the other way), goes along in ``metadata["affine"]``.
"""

import io
import math
import warnings
import zlib
from collections.abc import Iterator, Sequence
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
"""Part of the mean distance of slices by which two may differ: positions are written with few digits."""

ASIDE = 0.1
"""Part of a cell by which a slice may lie off its place on the line through all: less is not seen."""

MOST_TILT = 45.0
"""Degrees between that line and the normal of the planes: gantries tilt by 30 at most."""

SAME = 1e-4
"""By which directions (of length 1) and sizes of cells (as a part) may differ: a tenth of a cell in 1000."""

LARGEST_SLICE = 1 << 28
"""Bytes of one file of a series, or of any file once it is unpacked, beyond which it is not read."""

PIECE = 1 << 16
"""Bytes that are unpacked at a time: at most 64 MB come of it."""

DIRECTORY = "1.2.840.10008.1.3.10"
"""What a DICOMDIR calls itself: the list of a disk's files, which lies beside them and is no slice."""

TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From DICOM's directions (left, posterior, superior) to NIfTI's (right, anterior, superior)."""


def begins(head: bytes) -> bool:
    """Tell whether a file begins as DICOM does."""
    return head[MAGIC_AT : MAGIC_AT + 4] == MAGIC


def is_series(folder: Path) -> bool:
    """Tell whether a folder's files are DICOM slices, by the first that is not hidden; a DICOMDIR is one."""
    ordered = sorted(one for one in folder.iterdir() if one.is_file())
    first = next((one for one in ordered if not one.name.startswith(".")), None)
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
        one = _opened(data, str(path)) if begins(data[: MAGIC_AT + 4]) else None
        if one is not None and str(one.file_meta.get("MediaStorageSOPClassUID", "")) != DIRECTORY:
            opened.append(one)
    if not opened:
        raise FileMissingError(
            f"the folder {folder} holds no slices, but {len(paths)} other files (a DICOMDIR only lists those "
            "of its subfolders); give one picture, or the folder that the slices are in"
        )
    return _picture(opened, str(folder))


def _opened(data: bytes, name: str) -> Any:
    """Return a dataset whose numbers are not decoded yet."""
    library = _pydicom()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of values that are not as they should be: those used are checked
            _check_unpacked(library, data, name)
            return library.dcmread(io.BytesIO(data))
    except FileFormatError:
        raise
    except Exception as error:  # a damaged file can make the library raise nearly anything
        raise FileFormatError(
            f"{name} is damaged or not a whole DICOM file: {error}; get it again"
        ) from error


def _check_unpacked(library: Any, data: bytes, name: str) -> None:
    """Refuse a file that is deflated as a whole and absurdly long: the library unpacks it before it looks."""
    stream = io.BytesIO(data)
    stream.seek(MAGIC_AT + 4)
    meta = library.filereader.read_dataset(stream, False, True, stop_when=lambda tag, *_: tag >> 16 != 2)
    if meta.get("TransferSyntaxUID") != library.uid.DeflatedExplicitVRLittleEndian:
        return
    machine, length = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while (piece := stream.read(PIECE)) and not machine.eof:
        length += len(machine.decompress(piece))
        if length > LARGEST_SLICE:
            raise FileFormatError(
                f"a DICOM file may unpack to at most {LARGEST_SLICE} bytes, {name} has more; save it "
                "uncompressed"
            )


def _picture(slices: Sequence[Any], name: str) -> Picture:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as in `_opened`: values are converted when they are asked for
            ordered = _sorted(slices, name)
            check_size((len(ordered), int(ordered[0].Rows), int(ordered[0].Columns)), name)
            planes = [_plane(one, name) for one in ordered]
            affine = _affine(ordered)
            array = planes[0] if len(planes) == 1 else np.stack(planes)
            spacing = _spacing(ordered, array.ndim)
            notes = tuple(_notes(ordered, name))
    except (FileFormatError, MissingExtraError):
        raise
    except Exception as error:  # values of a wrong kind, decoders that fail
        raise FileFormatError(f"{name} is damaged or lacks what a picture needs: {error}") from error
    metadata = {} if affine is None else {"affine": affine}
    return Picture(array, "YX" if array.ndim == 2 else "ZYX", False, spacing, "mm", notes, metadata)


def _notes(ordered: Sequence[Any], name: str) -> Iterator[str]:
    """Say what was turned, and what the affine alone tells."""
    if any(str(one.PhotometricInterpretation) == "MONOCHROME1" for one in ordered):
        yield (
            f"{name} shows small numbers as white (MONOCHROME1): its numbers were turned, so that large ones "
            "are white"
        )
    tilt = _tilt(ordered) if len(ordered) > 1 else 0.0
    if tilt:
        yield (
            f"{name} was made with a tilted gantry: its slices are shifted against each other, by {tilt:.1f} "
            "degrees; the affine says so, but filters of three dimensions go straight through the slices"
        )


def _sorted(slices: Sequence[Any], name: str) -> list[Any]:
    """Return slices in the order of their places, if they make a volume."""
    series = {str(getattr(one, "SeriesInstanceUID", "")) for one in slices}
    if len(series) > 1:
        raise FileFormatError(
            f"the slices in {name} must be of one series, they are of {len(series)}; part them"
        )
    if len(slices) == 1:
        return list(slices)
    if any(_position(one) is None or _directions(one) is None for one in slices):
        raise FileFormatError(f"the slices in {name} do not all say where they lie; they cannot be sorted")
    _check_alike(slices, name)
    normal = _normal(slices[0])
    ordered = sorted(slices, key=lambda one: float(normal @ _position(one)))
    _check_even(ordered, normal, name)
    return ordered


def _check_alike(slices: Sequence[Any], name: str) -> None:
    """Refuse slices that differ in what a volume has one of."""
    kinds = {(int(one.Rows), int(one.Columns)) for one in slices}
    turned = float(np.ptp(np.array([_directions(one) for one in slices]), axis=0).max())
    if len(kinds) > 1 or turned > SAME:
        what = f"they have {len(kinds)}" if len(kinds) > 1 else f"directions differ by {turned:.2g}"
        raise FileFormatError(f"the slices in {name} must have one size and direction, {what}; part them")
    sizes = [_cell(one) for one in slices]
    known = [size for size in sizes if size is not None]
    if not known:
        return
    if len(known) < len(sizes) or not np.allclose(known, known[0], rtol=SAME, atol=0):
        shown = sorted({"none" if size is None else f"{size[0]:g} × {size[1]:g}" for size in sizes})
        raise FileFormatError(
            f"the slices in {name} must have one pixel spacing, they have {' mm, '.join(shown[:3])} mm; part "
            "them"
        )


def _check_even(ordered: Sequence[Any], normal: NDArray[Any], name: str) -> None:
    """Refuse slices that do not lie on one line, one as far from the next as another."""
    places = np.array([_position(one) for one in ordered])
    steps = np.diff(places @ normal)
    usual, middle = float(steps.mean()), float(np.median(steps))  # a missing one moves the mean alone
    worst = int(np.abs(steps - middle).argmax())
    if usual <= 0 or (np.abs(steps - usual) > UNEVEN * usual).any():
        raise FileFormatError(
            f"the slices in {name} must be evenly spaced, but after slice {worst + 1} the next is "
            f"{steps[worst]:g} mm away and not {middle:g}: one is missing or there twice"
        )
    line = places[0] + np.arange(len(places))[:, None] * _step(ordered)
    along = (places - line) @ normal
    if np.abs(along).max() > ASIDE * usual:  # steps that differ a little, and all the same way
        raise FileFormatError(
            f"the slices in {name} must be evenly spaced, but slice {int(np.abs(along).argmax()) + 1} lies "
            f"{np.abs(along).max():.3g} mm from where steps of {usual:g} mm lead; they make no volume"
        )
    aside = np.linalg.norm(places - line - along[:, None] * normal, axis=1)
    tilt = _tilt(ordered)
    if aside.max() > _beside(ordered[0], usual) or tilt > MOST_TILT:
        bent = f"some lie {aside.max():.3g} mm aside"
        how = bent if tilt <= MOST_TILT else f"theirs is {tilt:.0f} degrees from the normal of the planes"
        raise FileFormatError(
            f"the slices in {name} must lie behind each other on one line, but {how}; they make no volume"
        )


def _beside(one: Any, step: float) -> float:
    """Return how far a slice may lie beside the line of all."""
    cell = _cell(one)
    return ASIDE * (step if cell is None else min(cell))


def _step(ordered: Sequence[Any]) -> NDArray[Any]:
    """Return the way from a slice to the next: the mean of all, for each has few digits."""
    first, last = _position(ordered[0]), _position(ordered[-1])
    assert first is not None and last is not None  # `_sorted` has refused others
    step: NDArray[Any] = (last - first) / (len(ordered) - 1)
    return step


def _tilt(ordered: Sequence[Any]) -> float:
    """Return the angle between the way of slices and their normal in degrees; 0 where no shift is seen."""
    normal, step = _normal(ordered[0]), _step(ordered)
    straight = float(normal @ step)
    shift = float(np.linalg.norm(step - straight * normal))
    if shift * (len(ordered) - 1) <= _beside(ordered[0], straight):
        return 0.0
    return math.degrees(math.atan2(shift, straight))


def _position(one: Any) -> NDArray[Any] | None:
    """Return where the first cell of a slice lies, if that is said in three finite numbers."""
    return _finite(getattr(one, "ImagePositionPatient", None), 3)


def _directions(one: Any) -> NDArray[Any] | None:
    """Return the directions of rows and columns, if they have length 1 and are perpendicular."""
    found = _finite(getattr(one, "ImageOrientationPatient", None), 6)
    if found is None:
        return None
    rows, columns = found[:3], found[3:]
    off = max(abs(rows @ rows - 1), abs(columns @ columns - 1), abs(rows @ columns))
    return found if off < UNEVEN else None


def _cell(one: Any) -> tuple[float, float] | None:
    """Return the distances of rows and of columns in mm, if they are said and above nothing."""
    found = _finite(getattr(one, "PixelSpacing", None), 2)
    return None if found is None or (found <= 0).any() else (float(found[0]), float(found[1]))


def _finite(values: Any, count: int) -> NDArray[Any] | None:
    if isinstance(values, str) or not isinstance(values, Sequence):
        return None
    found = np.array([float(number) for number in values])
    return found if len(found) == count and np.isfinite(found).all() else None


def _normal(one: Any) -> NDArray[Any]:
    turned = _directions(one)
    assert turned is not None  # callers have looked
    normal: NDArray[Any] = np.cross(turned[:3], turned[3:])
    return normal / float(np.linalg.norm(normal))


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
    plane = _cell(ordered[0]) or (None, None)
    if ndim == 2:
        return plane
    if len(ordered) > 1:
        return (float(np.linalg.norm(_step(ordered))), *plane)
    return (_between(ordered[0]), *plane)


def _between(one: Any) -> float | None:
    """Return the distance of the frames of one file, if it is said."""
    told = getattr(one, "SpacingBetweenSlices", None)
    return float(told) if told is not None and 0 < float(told) < math.inf else None


def _affine(ordered: Sequence[Any]) -> NDArray[Any] | None:
    """Return NIfTI's affine, from (column, row, slice) to mm; None if a slice does not say where it lies."""
    first = ordered[0]
    start, turned, cell = _position(first), _directions(first), _cell(first)
    if start is None or turned is None or cell is None:
        return None
    affine = np.eye(4)
    affine[:3, 0] = turned[:3] * cell[1]
    affine[:3, 1] = turned[3:] * cell[0]
    affine[:3, 2] = _step(ordered) if len(ordered) > 1 else _normal(first) * (_between(first) or 1.0)
    affine[:3, 3] = start
    found: NDArray[Any] = TO_RAS @ affine
    return found
