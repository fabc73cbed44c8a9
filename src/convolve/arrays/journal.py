"""What was done of a long computation, so that it can go on after it was interrupted.

Beside the file that is being written, ``out.part.zarr``, lies ``out.part.zarr.txt``: a line that says what is
computed, and one line for each region that was written through. The file gets its name when all are.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

from convolve.errors import ArgumentError, ConvolveError, FileAccessError, FileExistsRefusal
from convolve.files import atomic

try:
    import fcntl
except ImportError:  # Windows, where nothing keeps two processes from writing one result
    fcntl = None  # type: ignore[assignment]

Made = TypeVar("Made")

BEGUN = "begun"
"""The line that says that the file was made, and regions may follow."""


class Journal:
    """Where a result is written until it is whole, and which of its regions are.

    Parameters
    ----------
    path
        Of the result.
    digest
        What tells this computation from others.
    resume
        Whether one that was interrupted goes on.
    force
        Whether an existing result, or an unfinished one, is replaced.

    Raises
    ------
    FileExistsRefusal
        If the result exists, or is there in part, and neither ``force`` nor ``resume`` says what to do.
    ArgumentError
        If there is nothing to go on with, what was interrupted is another computation, or another process is
        at it.
    """

    def __init__(self, path: str, digest: str, *, resume: bool, force: bool) -> None:
        self.path = Path(path)
        stem = self.path.with_suffix("")
        self.part = stem.with_name(f"{stem.name}.part{self.path.suffix}")
        self.lines = self.part.with_name(f"{self.part.name}.txt")
        self._file: IO[str] | None = None
        self._digest, self._resume = digest, resume
        self.done: set[int] = set()
        if self.path.exists() and not force:
            raise atomic.unasked(self.path)
        if self.part.exists() and not (resume or force):
            raise FileExistsRefusal(
                f"{self.part} was left by a computation that was interrupted; pass --resume to go on, or "
                "--force to begin anew"
            )

    def begin(self, create: Callable[[Path], Made], open_again: Callable[[Path], Made]) -> Made:
        """Return what is written to: made anew, or opened again if the computation goes on."""
        there, started = self.lines.exists(), False
        try:
            self._hold()
            if self._resume and self._read(there):
                return open_again(self.part)
            started = True
            remove(self.part)
            self._held.truncate(0)
            self._add(self._digest)
            made = create(self.part)
            self._add(BEGUN)
        except (ConvolveError, OSError) as error:
            if started:
                remove(self.part)
            if started or (self._file is not None and not there):
                self.lines.unlink(missing_ok=True)
            self.close()
            if isinstance(error, ConvolveError):
                raise
            raise FileAccessError(f"{self.lines} cannot be written: {error.strerror}") from error
        return made

    def _hold(self) -> None:
        """Open the list of regions for this process alone: two would write into each other's file."""
        file = self.lines.open("a")
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise ArgumentError(
                f"only one process may write {self.part}, and another is at it; wait for its end"
            ) from None
        except OSError:
            pass  # a file system without locks
        self._file = file

    def close(self) -> None:
        """Let others go on with the computation."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read(self, there: bool) -> bool:
        """Read what was done before; False if nothing was begun."""
        if not there:
            if self.part.exists():
                raise ArgumentError(f"{self.part} cannot be gone on with: its list of regions is gone")
            return False
        text = self.lines.read_text()
        digest, *lines = text.split("\n")
        if not lines:  # it ended before a file was made
            return False
        if digest != self._digest:
            raise ArgumentError(
                f"{self.part} is of another computation (source, filter, options, memory, threads or version "
                "differ), and cannot be gone on with; delete it, or pass --force without --resume"
            )
        if BEGUN not in lines or not self.part.exists():
            return False
        self.done = {int(line) for line in lines[:-1] if line.isdigit()}
        self._held.truncate(text.rfind("\n") + 1)  # half a line at the end would be joined to the next one
        return True

    def add(self, number: int) -> None:
        """Note that a region was written through."""
        self._add(str(number))
        self.done.add(number)

    def _add(self, line: str) -> None:
        self._held.write(f"{line}\n")
        self._held.flush()
        os.fsync(self._held.fileno())

    @property
    def _held(self) -> IO[str]:
        assert self._file is not None, "a journal is begun before anything is noted in it"
        return self._file

    def finish(self, regions: int) -> None:
        """Give the whole result its name; a folder that has it is moved away first, and then removed."""
        assert len(self.done) == regions, f"{regions - len(self.done)} regions were never done"
        old = self.part.with_name(f"{self.part.name}.old")
        if self.path.is_dir() or (self.part.is_dir() and self.path.exists()):
            remove(old)
            self.path.rename(old)
        self.part.replace(self.path)
        self.close()
        self.lines.unlink(missing_ok=True)
        remove(old)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
