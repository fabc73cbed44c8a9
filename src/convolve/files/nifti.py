"""NIfTI, by nibabel's headers: volumes and series of volumes, with the affine that says where cells lie.

A file's first dimension runs fastest; here it is the last: (i, j, k, t) is read as (T, Z, Y, X), Z being k.
The header goes along in ``metadata["nifti"]``, and the affine in ``metadata["affine"]``: what is written
again has both to the bit, unless a filter moved or spread the cells.
"""

import gzip
import io
import math
import zlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from convolve.errors import FileFormatError, MissingExtraError
from convolve.files.picture import Picture, check_size

HEADER_BYTES = {348: 1, 540: 2}
"""First number of a file, in either byte order -> version of NIfTI; it is the header's length."""

LARGEST_EXTENSIONS = 1 << 26
"""Bytes between header and numbers beyond which a file is refused: CIFTI's are the longest, some million."""

MOST_DEFLATED = 1032
"""How many bytes one byte of a gzip file can become at most (https://zlib.net/zlib_tech.html)."""

TAIL = 4096
"""Bytes behind the numbers that are overlooked, as other programs do: some fill up their last block."""

PIECE = 1 << 20
"""Bytes that are unpacked at a time."""

AXES = {2: "YX", 3: "ZYX", 4: "TZYX"}
UNITS = {"mm": 1.0, "micron": 1e-3, "meter": 1e3, "unknown": 1.0}
"""NIfTI's units -> millimetres; an unknown one is taken for them, as all programs do."""

PACKED = ".nii.gz"
GZIP = b"\x1f\x8b"
GZIP_WINDOW = 31
"""zlib's number for a gzip file of any window."""

CODE = 2
"""NIfTI's code "aligned", for an affine that was worked out from another one."""


def begins(head: bytes) -> bool:
    """Tell whether a file begins as NIfTI does, packed or not."""
    return head.startswith(GZIP) or _version(head) is not None


def _version(head: bytes) -> int | None:
    orders = (int.from_bytes(head[:4], order) for order in ("little", "big"))
    return next((HEADER_BYTES[number] for number in orders if number in HEADER_BYTES), None)


def _nibabel() -> Any:
    try:
        import nibabel  # an extra, needed for NIfTI alone
    except ImportError as error:
        raise MissingExtraError.of("nibabel", "medical", "NIfTI") from error
    return nibabel


def decode(data: bytes, name: str) -> Picture:
    """Return the volume in the bytes of a .nii or .nii.gz file."""
    library = _nibabel()
    packed = data.startswith(GZIP)
    source: Any = gzip.GzipFile(fileobj=io.BytesIO(data)) if packed else io.BytesIO(data)
    try:
        return _decode(library, source, len(data) * (MOST_DEFLATED if packed else 1), name)
    except FileFormatError:
        raise
    except EOFError as error:
        raise FileFormatError(f"{name} is cut off: its packed data has no end; get it again") from error
    except Exception as error:  # a damaged header can make the library raise nearly anything
        raise FileFormatError(
            f"{name} is damaged or not a whole NIfTI file: {error}; get it again"
        ) from error


def _decode(library: Any, source: BinaryIO, longest: int, name: str) -> Picture:
    """Return the volume in a stream of at most ``longest`` bytes, reading no more than its header says."""
    first = source.read(4)
    version = _version(first)
    if version is None:
        raise FileFormatError(f"{name} holds no NIfTI file; only that is read from a .gz")
    kind = library.Nifti1Header if version == 1 else library.Nifti2Header
    length = kind.sizeof_hdr
    raw = first + source.read(length - 4)
    if len(raw) < length:
        raise FileFormatError(f"{name} is cut off: its header has {length} bytes, and there are {len(raw)}")
    header = kind(raw, check=False)
    shape, dtype, between = _promised(header, longest, name)
    raw += source.read(between)
    array = _numbers(source, shape, dtype, name)
    while array.ndim > 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim not in AXES:
        raise FileFormatError(f"{name} must have 2 to 4 dimensions, its shape is {array.shape[::-1]}")
    slope, inter = header.get_slope_inter()
    if slope not in (None, 1.0) or inter not in (None, 0.0):
        array = array * np.float64(slope) + np.float64(inter or 0.0)
    axes = AXES[array.ndim]
    metadata = {"nifti": raw.ljust(length + 4, b"\0"), "affine": np.array(header.get_best_affine())}
    return Picture(array, axes, False, _spacing(header, axes), "mm", (), metadata)


def _promised(header: Any, longest: int, name: str) -> tuple[tuple[int, ...], Any, int]:
    """Return the shape and dtype that a header says, and how many bytes lie between it and the numbers."""
    dtype = header.get_data_dtype()
    shape = tuple(int(size) for size in header.get_data_shape())
    offset = int(header["vox_offset"])
    if dtype.names or dtype.kind not in "iufc":
        raise FileFormatError(f"{name} must hold numbers, but its header says {dtype}; colours are not read")
    if dtype.itemsize > 16 or dtype.name in ("float128", "longdouble"):
        raise FileFormatError(f"{name} holds {dtype}, which is not read; save it as float64")
    if not shape or any(size < 1 for size in shape):
        raise FileFormatError(f"{name} is damaged: its header says a shape of {shape}")
    check_size(shape, name)
    between = offset - header.sizeof_hdr
    if not 0 <= between <= LARGEST_EXTENSIONS:
        raise FileFormatError(
            f"{name} is damaged: its numbers must begin at most {LARGEST_EXTENSIONS} bytes behind the header "
            f"of {header.sizeof_hdr}, which says byte {offset}; get it again"
        )
    wanted = math.prod(shape) * dtype.itemsize
    if offset + wanted > longest:
        raise FileFormatError(
            f"{name} is damaged: its header says {shape} of {dtype} from byte {offset} on, {wanted} bytes, "
            f"but the file has at most {longest}; get it again"
        )
    return shape, dtype, between


def _numbers(source: BinaryIO, shape: tuple[int, ...], dtype: Any, name: str) -> NDArray[Any]:
    """Return the numbers as they are stored; of a packed file, no more is unpacked than they need."""
    found = np.empty(math.prod(shape) * dtype.itemsize, np.uint8)
    done = 0
    while done < found.size:
        piece = source.read(min(PIECE, found.size - done))
        if not piece:
            raise FileFormatError(
                f"{name} is cut off: its header says {shape} of {dtype}, {found.size} bytes, and there are "
                f"{done}; get it again"
            )
        found[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
        done += len(piece)
    if isinstance(source, gzip.GzipFile) and len(source.read(TAIL + 1)) > TAIL:  # its checksum is read too
        raise FileFormatError(
            f"{name} holds more than the {found.size} bytes of {shape} of {dtype} that its header says; it "
            "is damaged, or made to fill the memory: get it again"
        )
    stored: NDArray[Any] = found.view(dtype).reshape(shape[::-1])
    return stored.astype(dtype.newbyteorder("="), copy=False)


def _spacing(header: Any, axes: str) -> tuple[float | None, ...]:
    """Return the size of a cell in mm; time in the file's own unit."""
    factor = UNITS.get(header.get_xyzt_units()[0], 1.0)
    sizes = [float(size) for size in header.get_zooms()[: len(axes)]][::-1]
    return tuple(
        (size if axis == "T" else size * factor) if math.isfinite(size) and size > 0 else None
        for axis, size in zip(axes, sizes, strict=True)
    )


def encode(picture: Picture) -> bytes:
    """Return the bytes of a .nii file."""
    library = _nibabel()
    if picture.axes not in AXES.values():
        raise FileFormatError(
            f"a NIfTI file holds the axes YX, ZYX or TZYX, not {picture.axes}; write .tif or .npy"
        )
    kept = picture.metadata.get("nifti")
    header, extra = _header(library, kept)
    try:
        header.set_data_dtype(picture.array.dtype)
        header.set_data_shape(picture.array.shape[::-1])
    except Exception as error:  # the library refuses what the format cannot hold
        raise FileFormatError(
            f"a NIfTI file cannot hold {picture.array.dtype} {picture.array.shape}: {error}; choose another "
            "dtype"
        ) from error
    header["scl_slope"], header["scl_inter"] = 1, 0
    _place(header, picture, fresh=kept is None)
    seconds = dict(zip(picture.axes, picture.spacing or (), strict=False)).get("T")
    if kept is not None and seconds is not None:
        header["pixdim"][4] = seconds  # in the file's own unit; larger after a stride in time
    header["vox_offset"] = header.sizeof_hdr + len(extra)
    header["magic"] = header.single_magic
    ordered = picture.array.astype(header.get_data_dtype(), copy=False)
    return bytes(header.binaryblock) + extra + np.ascontiguousarray(ordered).tobytes()


def _header(library: Any, kept: bytes | None) -> tuple[Any, bytes]:
    """Return the header that was read, or a new one, and what stands between it and the numbers."""
    if kept is None:
        return library.Nifti1Header(), bytes(4)
    kind = library.Nifti1Header if _version(kept[:4]) == 1 else library.Nifti2Header
    return kind(kept[: kind.sizeof_hdr], check=False), kept[kind.sizeof_hdr :]


def _place(header: Any, picture: Picture, fresh: bool) -> None:
    """Say where the cells lie: as before, to the bit, or by an affine that a filter moved."""
    affine = picture.metadata.get("affine")
    if fresh:
        header.set_xyzt_units("mm", "sec")
    if affine is None:
        factor = {"µm": 1e-3, "um": 1e-3, "nm": 1e-6, "cm": 10.0, "m": 1e3}.get(picture.unit or "mm", 1.0)
        sizes = dict(zip(picture.axes, picture.spacing or (None,) * len(picture.axes), strict=True))
        affine = np.diag([*((sizes.get(axis) or 1.0) * factor for axis in "XYZ"), 1.0])
    elif not fresh and _moved(header, affine, picture.metadata.get("moved")):
        return
    zooms = list(header.get_zooms())
    header.set_sform(affine, int(header["sform_code"]) or CODE)
    header.set_qform(affine, int(header["qform_code"]) or CODE, strip_shears=True)
    if len(zooms) > 3:
        header.set_zooms((*header.get_zooms()[:3], zooms[3]))


def _moved(header: Any, affine: NDArray[Any], moved: NDArray[Any] | None) -> bool:
    """Move sform and qform, each by itself, as a filter moved the cells; tell if that gives the affine.

    The two may say different places, such as those of an atlas and of the scanner. Of the qform the distances
    and the place of the first cell change alone: its directions stay to the bit.
    """
    best = header.get_best_affine()
    if np.array_equal(affine, best):
        return True
    told = int(header["sform_code"]) or int(header["qform_code"])
    if moved is None or not told or not np.allclose(affine, best @ moved, rtol=1e-6, atol=1e-6):
        return False
    if int(header["qform_code"]):
        try:
            first = (header.get_qform() @ moved)[:3, 3]
        except Exception:  # numbers that are no rotation: they say no place, before and after
            header["qform_code"] = 0
        else:
            header["qoffset_x"], header["qoffset_y"], header["qoffset_z"] = first
    if int(header["sform_code"]):
        header.set_sform(header.get_sform() @ moved, int(header["sform_code"]))
    header["pixdim"][1:4] *= np.diag(moved)[:3]
    return True


def packed(data: bytes) -> bytes:
    """Return the bytes of a .nii.gz file, the same each time."""
    machine = zlib.compressobj(6, zlib.DEFLATED, GZIP_WINDOW)
    return machine.compress(data) + machine.flush()
