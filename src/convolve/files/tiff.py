"""TIFF, by tifffile: floats, 16 bits, many channels, stacks with their axes and spacing."""

import contextlib
import io
import logging
import math
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convolve.errors import FileFormatError, MissingExtraError
from convolve.files.picture import Picture, check_size

OME_AXES = frozenset("TCZYX")
OME_DTYPES = (
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "float32",
    "float64",
    "complex64",
    "complex128",
)
"""What the OME data model has a name for."""

LARGEST_RATIO = 2800
"""Bytes in memory per byte of file beyond which a header is taken for a lie: deflate stays below 1032,
LZW below 2731 (a code of 12 bits stands for at most 4096 bytes)."""


ICC_PROFILE = 34675
"""The tag that holds the colour profile."""

X_RESOLUTION, Y_RESOLUTION = 282, 283
"""Tags in which ImageJ keeps how many pixels make one unit."""


def _tifffile() -> Any:
    try:
        import tifffile  # an extra, and slow to import: needed for TIFF alone
    except ImportError as error:
        raise MissingExtraError.of("tifffile", "tiff", "TIFF") from error
    return tifffile


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep tifffile's log of a damaged file from standard error: it ends as one of our errors."""
    logger = logging.getLogger("tifffile")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def decode(data: bytes, name: str) -> Picture:
    """Return the picture in the bytes of a TIFF file: its first series."""
    library = _tifffile()
    try:
        with _quiet(), library.TiffFile(io.BytesIO(data)) as file:
            check_pages(file, name)
            return _decode_series(file, len(data), name)
    except (FileFormatError, MissingExtraError):
        raise
    except Exception as error:  # damaged files make decoders raise nearly anything
        if "imagecodecs" in str(error):
            raise FileFormatError(
                f"{name} is compressed in a way that needs one more package ({error}): pip install "
                "imagecodecs, or save it without compression"
            ) from error
        raise FileFormatError(f"{name} is damaged or not a whole TIFF file: {error}; get it again") from error


def check_pages(file: Any, name: str) -> None:
    """Refuse a file whose pages lead back to one another, which tifffile would read for hours.

    A page is a count of tags, the tags, and the offset of the next page, 0 after the last one.
    """
    handle, form = file.filehandle, file.tiff
    seen: set[int] = set()
    at = form.offsetsize  # 4 bytes into the header stands the first page's offset, 8 in BigTIFF
    while True:
        handle.seek(at)
        told = handle.read(form.offsetsize)
        page = struct.unpack(form.offsetformat, told)[0] if len(told) == form.offsetsize else 0
        if page in seen:
            raise FileFormatError(
                f"{name} is damaged: after {len(seen)} pages comes the one at byte {page} again; get it again"
            )
        seen.add(page)
        handle.seek(page)
        count = handle.read(form.tagnosize)
        if page == 0 or len(count) < form.tagnosize:
            return
        at = page + form.tagnosize + struct.unpack(form.tagnoformat, count)[0] * form.tagsize


def _decode_series(file: Any, size: int, name: str) -> Picture:
    series, page = file.series[0], file.pages[0]
    shape, axes = tuple(int(one) for one in series.shape), str(series.axes)
    check_size(shape, name)
    if math.prod(shape) * series.dtype.itemsize > LARGEST_RATIO * size:
        raise FileFormatError(
            f"{name} is damaged: its header says {shape} of {series.dtype}, more than {size} bytes hold"
        )
    notes = [f"only the first of {len(file.series)} series was read"] if len(file.series) > 1 else []
    array = np.asarray(series.asarray())
    array, axes = _meant(array, axes, page, notes, name)
    array, axes = _colours_last(array, axes)
    axes = _letters(axes, array.shape)
    alpha = "C" in axes and bool(page.extrasamples) and page.extrasamples[-1] == 2
    spacing, unit = _spacing(file, axes)
    profile = page.tags.get(ICC_PROFILE)
    metadata = {"icc": bytes(profile.value)} if profile is not None else {}
    return Picture(array, axes, alpha, spacing, unit, tuple(notes), metadata)


def described(file: Any, name: str) -> tuple[str, tuple[float | None, ...] | None, str | None]:
    """Return axes, spacing and unit of a file whose numbers mean brightness as they stand."""
    series, page = file.series[0], file.series[0].keyframe
    kind = getattr(page.photometric, "name", str(page.photometric))
    turned = 274 in page.tags and int(page.tags[274].value) != 1
    axes = str(series.axes)
    planar = "S" in axes and not axes.endswith("S")
    alpha = bool(set(page.extrasamples or ()) & {1, 2})  # straight, or multiplied into the colours
    if kind not in ("MINISBLACK", "RGB") or turned or planar or alpha:
        how = "is turned" if turned else "keeps its colours in planes" if planar else f"has {kind} colours"
        how = "has alpha" if alpha else how
        raise FileFormatError(
            f"a TIFF file read by regions must hold upright grey or RGB pixels, but {name} {how}; save it so"
        )
    letters = _letters(axes, series.shape)
    return letters, *_spacing(file, letters)


def _meant(
    array: NDArray[Any], axes: str, page: Any, notes: list[str], name: str
) -> tuple[NDArray[Any], str]:
    """Return numbers that mean brightness, upright: palettes written out, white-is-zero turned round."""
    kind = getattr(page.photometric, "name", str(page.photometric))
    if kind in ("SEPARATED", "CIELAB", "ICCLAB", "ITULAB"):
        raise FileFormatError(f"{name} has {kind} colours, which are not read; save it as RGB")
    if page.extrasamples and 1 in page.extrasamples:
        raise FileFormatError(
            f"{name} has colours already multiplied by alpha, which are not read; save it with straight alpha"
        )
    if kind == "PALETTE" and page.colormap is not None:
        array, axes = np.moveaxis(np.asarray(page.colormap)[:, array], 0, -1), axes + "S"
        notes.append("the palette's colours were written out")
    if kind == "MINISWHITE" and array.dtype.kind in "ub":
        array = ~array if array.dtype.kind == "b" else np.iinfo(array.dtype).max - array
        notes.append("white was 0 in the file; the numbers were turned round")
    orientation = int(page.tags[274].value) if 274 in page.tags else 1
    if orientation in range(2, 9):
        array = upright(array, orientation, axes.index("Y"), axes.index("X"))
        notes.append(f"the picture was turned upright, as its orientation {orientation} says")
    return array, axes


def upright(array: NDArray[Any], orientation: int, y: int, x: int) -> NDArray[Any]:
    """Return an array turned from one of the eight TIFF (and EXIF) orientations.

    >>> upright(np.array([[1, 2], [3, 4]]), 6, 0, 1).tolist()
    [[3, 1], [4, 2]]
    """
    if orientation >= 5:
        array = np.swapaxes(array, y, x)
    if orientation in (2, 3, 6, 7):
        array = np.flip(array, x)
    if orientation in (3, 4, 7, 8):
        array = np.flip(array, y)
    return array


def _letters(axes: str, shape: tuple[int, ...]) -> str:
    """Return tifffile's axes in this package's letters: S (samples) is C, everything unnamed is I."""
    known = axes.replace("S", "C") if "C" not in axes else axes.replace("S", "I")
    letters = "".join(letter if letter in "TCZYX" else "I" for letter in known)
    return letters if len(letters) == len(shape) else "I" * (len(shape) - 2) + "YX"


def _colours_last(array: NDArray[Any], axes: str) -> tuple[NDArray[Any], str]:
    """Return planar colours (S, samples of a pixel) interleaved; channels of a stack (C) stay in place."""
    if "S" not in axes:
        return array, axes
    return np.moveaxis(array, axes.index("S"), -1), axes.replace("S", "") + "S"


def _spacing(file: Any, axes: str) -> tuple[tuple[float | None, ...] | None, str | None]:
    """Return the size of a cell per dimension, from OME or ImageJ metadata."""
    found: dict[str, float] = {}
    unit = None
    if file.is_ome:
        pixels = _ome_pixels(file.ome_metadata)
        names = {"Y": "PhysicalSizeY", "X": "PhysicalSizeX", "Z": "PhysicalSizeZ", "T": "TimeIncrement"}
        found = {letter: float(pixels[key]) for letter, key in names.items() if key in pixels}
        unit = pixels.get("PhysicalSizeXUnit", "µm" if "X" in found else None)
    elif file.is_imagej and "spacing" in (file.imagej_metadata or {}):
        found = {"Z": float(file.imagej_metadata["spacing"])} | _resolution(file.pages[0])
        unit = file.imagej_metadata.get("unit")
    if not found:
        return None, None
    return tuple(found.get(letter) for letter in axes), unit


def _resolution(page: Any) -> dict[str, float]:
    """Return the size of a pixel, from the number of pixels per unit."""
    found = {}
    for letter, tag in (("X", X_RESOLUTION), ("Y", Y_RESOLUTION)):
        pixels, units = page.tags[tag].value if tag in page.tags else (0, 1)
        if pixels and units:
            found[letter] = units / pixels
    return found


def _ome_pixels(text: str) -> dict[str, str]:
    """Return the attributes of the first image's pixels."""
    image = _tifffile().xml2dict(text)["OME"].get("Image", {})
    first = image[0] if isinstance(image, list | tuple) else image
    return dict(first.get("Pixels", {}))


def encode(picture: Picture) -> bytes:
    """Return the bytes of a TIFF file, with axes and spacing."""
    library = _tifffile()
    stream = io.BytesIO()
    array, options = picture.array, writing_options(picture)
    try:
        library.imwrite(stream, np.ascontiguousarray(array), **options)
    except Exception as error:  # the library refuses in many words what it cannot write
        raise FileFormatError(
            f"a TIFF file cannot hold this picture of {array.dtype} {array.shape}: {error}; save it as .npy"
        ) from error
    return stream.getvalue()


def writing_options(picture: Picture) -> dict[str, Any]:
    """Return how tifffile shall write this picture: plain, or OME where axes or spacing must be told."""
    axes, array = picture.axes, picture.array
    samples = array.shape[-1] if axes.endswith("C") else 1
    colour = axes.endswith("YXC") and samples in (3, 4)
    options: dict[str, Any] = {"photometric": "rgb" if colour else "minisblack"}
    if "icc" in picture.metadata:
        options["iccprofile"] = picture.metadata["icc"]
    if picture.alpha:
        options["extrasamples"] = ["unassalpha"]
        options["planarconfig"] = "contig"
    elif colour and samples == 4:
        options["extrasamples"] = ["unspecified"]  # else the library says that the fourth colour is opacity
    if axes in ("YX", "YXC") and picture.spacing is None:
        return options | {"metadata": {"axes": axes.replace("C", "S")}}
    told = axes.replace("C", "S") if axes.endswith("YXC") else axes
    metadata: dict[str, Any] = {"axes": told}
    ome = set(axes) <= OME_AXES and array.dtype.name in OME_DTYPES
    if not ome and picture.spacing is not None:
        raise FileFormatError(
            f"a TIFF file keeps spacing for axes of TCZYX and dtypes such as float32, not for {axes} of "
            f"{array.dtype}; choose another dtype (--dtype float32), or leave the spacing out"
        )
    if picture.spacing is not None:
        names = {"Y": "PhysicalSizeY", "X": "PhysicalSizeX", "Z": "PhysicalSizeZ", "T": "TimeIncrement"}
        for letter, size in zip(axes, picture.spacing, strict=True):
            if letter in names and size is not None:
                metadata[names[letter]] = size
                if letter != "T" and picture.unit:
                    metadata[names[letter] + "Unit"] = picture.unit
    return options | {"metadata": metadata, "ome": ome}
