"""Reading: from a path, or from anything that gives bytes, to a `Picture`."""

from pathlib import Path
from typing import BinaryIO

from convolve.errors import ArgumentTypeError, FileAccessError, FileFormatError, FileMissingError
from convolve.files import decoding, dicom, nifti, npy, tiff
from convolve.files.formats import HEAD, SUFFIXES, detect, named, suffix_of
from convolve.files.picture import Picture, check_path

LARGEST_FILE = 1 << 32
"""Bytes of a file beyond which it is not read: 4 GiB, more than the largest picture allowed needs."""


def read(source: str | Path | BinaryIO, *, format: str | None = None) -> Picture:
    """Read a picture from a file, or from an open binary file such as standard input.

    Parameters
    ----------
    source
        A path, a folder of DICOM slices, or anything with a ``read`` that gives bytes.
    format
        The format that it must have; by default its first bytes say it.

    Returns
    -------
    Picture
        The numbers as they are in the file, upright, with what was converted in ``notes``.

    Raises
    ------
    FileMissingError
        If there is no such file.
    FileFormatError
        If the file is damaged, of another format than those in `FORMATS`, or larger than is safe.

    Examples
    --------
    >>> import io
    >>> read(io.BytesIO(b"GIF89a"))
    Traceback (most recent call last):
        ...
    convolve.errors.FileFormatError: the stream is damaged or not a whole GIF file: ...
    """
    if isinstance(source, str | Path):
        check_path(source)
        path = Path(source)
        if path.is_dir():
            return dicom.read_series(path)
        return read_bytes(_load(path), str(path), format)
    if not hasattr(source, "read"):
        raise ArgumentTypeError(f"source must be a path or an open binary file, got {type(source).__name__}")
    data = source.read(LARGEST_FILE + 1)
    if not isinstance(data, bytes | bytearray):
        raise ArgumentTypeError(f"source must be open for bytes (mode 'rb'), it gives {type(data).__name__}")
    _check_length(len(data), "the stream")
    return read_bytes(data, "the stream", format)


def read_bytes(data: bytes, name: str, format: str | None = None) -> Picture:
    """Return the picture in the bytes of a file; ``name`` is for messages."""
    found = detect(data[:HEAD], name)
    if format is not None and named(format) != found:
        raise FileFormatError(
            f"{name} must be a {named(format)} file, but its first bytes say {found}; name that"
        )
    decoders = {"TIFF": tiff.decode, "NPY": npy.decode, "NIFTI": nifti.decode, "DICOM": dicom.decode}
    picture = decoders[found](data, name) if found in decoders else decoding.decode(data, found, name)
    return _with_note(picture, name, found)


def _with_note(picture: Picture, name: str, found: str) -> Picture:
    """Return the picture, with a note if the file's suffix says something else than its content."""
    promised = SUFFIXES.get(suffix_of(Path(name)))
    if promised in (None, found):
        return picture
    note = f"{name} is a {found} file in spite of its suffix"
    return Picture(
        picture.array, picture.axes, picture.alpha, picture.spacing, picture.unit, (note, *picture.notes),
        picture.metadata,
    )  # fmt: skip


def _load(path: Path) -> bytes:
    """Return a file's bytes, if it is not absurdly long."""
    try:
        if path.is_file():
            _check_length(path.stat().st_size, str(path))
        with path.open("rb") as file:
            head = file.read(HEAD)
            detect(head, str(path))  # before the rest: a device such as /dev/zero never ends
            data = head + file.read(LARGEST_FILE + 1 - len(head))
        _check_length(len(data), str(path))
        return data
    except FileNotFoundError as error:
        raise FileMissingError(
            f"a picture must exist to be read, but there is no {path}; check the path"
        ) from error
    except OSError as error:
        raise FileAccessError(f"{path} cannot be read: {error.strerror}; check the path") from error


def _check_length(length: int, name: str) -> None:
    if length > LARGEST_FILE:
        raise FileFormatError(
            f"a file may have at most {LARGEST_FILE} bytes, but {name} has {length}; split it"
        )
