"""Writing so that a file is the old one or the new one, whatever happens in between."""

import contextlib
import errno
import os
import secrets
from pathlib import Path

from convolve.errors import FileAccessError, FileExistsRefusal, FileMissingError
from convolve.files.picture import check_path

NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)
"""What file systems without hard links, such as exFAT, answer."""


def write_bytes(path: Path, data: bytes, *, force: bool) -> None:
    """Write a file beside the wanted one and put it in its place in one step.

    Without ``force`` an existing file is refused, also one that appears while this one is written.
    """
    check_path(path)
    target = Path(os.path.realpath(path))  # a link stays a link, and the file it leads to is written
    if target.exists() and not target.is_file():
        _write_device(target, data)
        return
    refuse_existing(path, force=force)
    if not target.parent.is_dir():
        raise FileMissingError(
            f"a file needs its folder, but {target.parent} does not exist; create it first"
        )
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        _write_new(beside, data, target)
        if force:
            beside.replace(target)
        else:
            _put_new(beside, target)
    except FileExistsError:
        refuse_existing(path, force=False)
        raise
    except OSError as error:
        raise FileAccessError(f"{path} cannot be written: {error.strerror}; nothing was changed") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuse to overwrite a file, unless told to."""
    if not force and path.is_file():
        raise FileExistsRefusal(
            f"{path} exists and is not overwritten unasked; pass --force (force=True in Python)"
        )


def _write_new(beside: Path, data: bytes, target: Path) -> None:
    """Write a new file through to the disk, with the rights that the target has or would get."""
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        if target.exists():
            beside.chmod(target.stat().st_mode & 0o7777)


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
