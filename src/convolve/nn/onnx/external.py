"""Numbers beside a model: nothing is opened that is not a plain file in the model's own folder.

Models that point elsewhere have been used to read other files (CVE-2022-25882, CVE-2024-27318).
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

from convolve.errors import FileAccessError, FileFormatError, FileMissingError


def read_beside(folder: Path, entries: Mapping[str, str], size: int, name: str) -> bytes:
    """Return the bytes of a tensor that are kept in a file beside the model.

    Parameters
    ----------
    folder
        The model's.
    entries
        What the model says: location, offset, length.
    size
        Bytes that the tensor's shape and dtype ask for.
    name
        Of the tensor, for messages.

    Raises
    ------
    FileFormatError
        If the location leads anywhere else, or the numbers are not in the file.
    """
    path = _contained(folder, entries.get("location", ""), name)
    offset = _number(entries.get("offset", "0"), "offset", name)
    length = _number(entries.get("length", str(size)), "length", name)
    if length != size:
        raise FileFormatError(
            f"tensor {name!r} must have {size} bytes of external data, the file says {length}"
        )
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise FileMissingError(
            f"tensor {name!r} is kept in {path.name}, which is not beside the model"
        ) from None
    except OSError as error:
        raise FileAccessError(
            f"tensor {name!r} is kept in {path.name[:200]!r}, which cannot be read: {error.strerror}"
        ) from None
    try:
        _check_file(os.fstat(handle), offset + length, path, name)
        with os.fdopen(handle, "rb", closefd=False) as file:
            file.seek(offset)
            return file.read(length)
    finally:
        os.close(handle)


def _contained(folder: Path, location: str, name: str) -> Path:
    """Return the path of a file that lies in the folder, without any link on the way."""
    posix, windows = PurePosixPath(location), PureWindowsPath(location)
    steps = [*posix.parts, *windows.parts]
    outside = posix.is_absolute() or windows.drive or windows.root or ".." in steps
    if not location or "\0" in location or outside:
        raise FileFormatError(
            f"tensor {name!r} must be kept in the model's own folder, the file names {location[:200]!r}; "
            "nothing elsewhere is read"
        )
    path = folder
    for step in posix.parts:
        path = path / step
        if _is_link(path):
            raise FileFormatError(
                f"tensor {name!r} must be kept in a plain file, but {path.name!r} is a link; copy its target"
            )
    return path


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:  # a name that no file can have; opening it is refused
        return False


def _number(text: str, what: str, name: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise FileFormatError(f"tensor {name!r}: {what} must be a whole number, the file says {text[:40]!r}")
    return int(text)


def _check_file(status: os.stat_result, end: int, path: Path, name: str) -> None:
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        raise FileFormatError(
            f"tensor {name!r} must be kept in a plain file with one name, but {path.name!r} is something "
            "else or has several names (hard links); copy it"
        )
    if end > status.st_size:
        raise FileFormatError(f"tensor {name!r} ends at byte {end}, but {path.name!r} has {status.st_size}")
