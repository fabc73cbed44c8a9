"""What was done of a long computation, so that it can go on after it was interrupted.

Beside the file that is being written, ``out.part.zarr``, lies ``out.part.txt``: a line that says what is
computed, and one line for each region that was written through. The file gets its name when all are.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from convolve.errors import ArgumentError, ConvolveError, FileAccessError, FileExistsRefusal
from convolve.files import atomic

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
        If there is nothing to go on with, or what was interrupted is another computation.
    """

    def __init__(self, path: str, digest: str, *, resume: bool, force: bool) -> None:
        self.path = Path(path)
        stem = self.path.with_suffix("")
        self.part = stem.with_name(f"{stem.name}.part{self.path.suffix}")
        self.lines = stem.with_name(f"{stem.name}.part.txt")
        self._digest, self._force = digest, force
        self.done: set[int] = set()
        if self.path.exists() and not force:
            atomic.refuse_existing(self.path, force=False)
            raise FileExistsRefusal(f"{path} exists and is not overwritten unasked; pass --force")
        self._resumed = resume and self._read()
        if self.part.exists() and not (resume or force):
            raise FileExistsRefusal(
                f"{self.part} was left by a computation that was interrupted; pass --resume to go on, or "
                "--force to begin anew"
            )

    def begin(self, create: Callable[[Path], Made], open_again: Callable[[Path], Made]) -> Made:
        """Return what is written to: made anew, or opened again if the computation goes on."""
        if self._resumed:
            return open_again(self.part)
        remove(self.part)
        try:
            self.lines.write_text(self._digest + "\n")
            made = create(self.part)
            self._add(BEGUN)
        except (ConvolveError, OSError) as error:
            self.lines.unlink(missing_ok=True)
            remove(self.part)
            if isinstance(error, ConvolveError):
                raise
            raise FileAccessError(f"{self.lines} cannot be written: {error.strerror}") from error
        return made

    def _read(self) -> bool:
        """Read what was done before; False if nothing was begun."""
        if not self.lines.exists():
            if self.part.exists():
                raise ArgumentError(f"{self.part} cannot be gone on with: its list of regions is gone")
            return False
        digest, *lines = self.lines.read_text().split("\n")
        if digest != self._digest:
            raise ArgumentError(
                f"{self.part} is of another computation (source, filter, options, memory or version differ), "
                "and cannot be gone on with; delete it, or pass --force without --resume"
            )
        if BEGUN not in lines or not self.part.exists():
            return False
        self.done = {int(line) for line in lines[:-1] if line.isdigit()}  # the last one may be half a line
        return True

    def add(self, number: int) -> None:
        """Note that a region was written through."""
        self._add(str(number))
        self.done.add(number)

    def _add(self, line: str) -> None:
        with self.lines.open("a") as file:
            file.write(f"{line}\n")
            file.flush()
            os.fsync(file.fileno())

    def finish(self, regions: int) -> None:
        """Give the whole result its name."""
        assert len(self.done) == regions, f"{regions - len(self.done)} regions were never done"
        if self.path.is_dir():
            remove(self.path)
        self.part.replace(self.path)
        self.lines.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
