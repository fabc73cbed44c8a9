"""Writing so that a file is the old one or the new one, whatever happens in between."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from convolve.errors import ConvolveError, FileAccessError, FileExistsRefusal, FileMissingError
from convolve.files.picture import check_path

NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)
"""What file systems without hard links, such as exFAT, answer."""


def write_bytes(path: Path, data: bytes, *, force: bool) -> None:
    """Write a file beside the wanted one and put it in its place in one step.

    Without ``force`` an existing file is refused, also one that appears while this one is written.
    """
    check_path(path)
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        _write_device(target, data)
        return
    with beside(path, force=force) as part:
        _write_new(part, data)


@contextlib.contextmanager
def beside(path: Path, *, force: bool) -> Iterator[Path]:
    """Give a place to write a file to, and put what is there in the wanted place when the block is over.

    If the block fails, nothing is changed. Without ``force`` an existing file is refused, also one that
    appears while this one is written.
    """
    check_path(path)
    target = Path(os.path.realpath(path))  # a link stays a link, and the file it leads to is written
    refuse_existing(path, force=force)
    check_folder(target)
    part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        yield part
        if target.exists():
            part.chmod(target.stat().st_mode & 0o7777)  # with the rights that the file has
        if force:
            part.replace(target)
        else:
            _put_new(part, target)
    except FileExistsError:
        refuse_existing(path, force=False)
        raise
    except ConvolveError:
        raise
    except OSError as error:
        raise FileAccessError(f"{path} cannot be written: {error.strerror}; nothing was changed") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


def check_target(path: Path, *, force: bool) -> None:
    """Refuse a file that could not be written, before the work whose result it shall hold.

    Raises
    ------
    FileMissingError, FileExistsRefusal, FileAccessError
        If its folder is missing, or it is a folder itself, or exists and ``force`` is not given.
    """
    check_path(path)
    check_folder(path)
    refuse_existing(path, force=force)


def check_folder(path: Path) -> None:
    """Refuse a file whose folder does not exist."""
    if not path.parent.is_dir():
        raise FileMissingError(f"a file needs its folder, but {path.parent} does not exist; create it first")


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuse a folder, and to overwrite a file, unless told to."""
    if path.is_dir():
        raise FileAccessError(f"{path} is a folder; give the name of a file")
    if not force and path.is_file():
        raise unasked(path)


def unasked(path: Path) -> FileExistsRefusal:
    """Return the refusal to replace what exists."""
    return FileExistsRefusal(
        f"{path} exists and is not overwritten unasked; pass --force (force=True in Python)"
    )


def _write_new(part: Path, data: bytes) -> None:
    """Write a new file through to the disk."""
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def reach_the_disk(path: Path) -> None:
    """Wait until a file that something else has written is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put_new(beside: Path, target: Path) -> None:
    """Give a finished file its name, unless another writer was quicker (FileExistsError)."""
    try:
        os.link(beside, target)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))  # claims the name
        beside.replace(target)


def _write_device(target: Path, data: bytes) -> None:
    """Write into what is no regular file, such as /dev/stdout: nothing there could be replaced."""
    try:
        with target.open("wb") as file:
            file.write(data)
    except OSError as error:
        raise FileAccessError(f"{target} cannot be written: {error.strerror}") from error
