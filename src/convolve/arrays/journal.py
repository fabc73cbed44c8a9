"""What was done of a long computation, so that it can go on after it was interrupted.

Beside the file that is being written, ``out.part.zarr``, lies ``out.part.zarr.txt``: a line that says what is
computed, one that says how it is cut, and one line for each region that was written through. The file gets
its name when all are.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TypeVar

from convolve.arrays.blocks import Blocks
from convolve.arrays.cutting import Cut
from convolve.arrays.work import Region
from convolve.errors import ArgumentError, ConvolveError, FileAccessError, FileExistsRefusal
from convolve.files import atomic

try:
    import fcntl
except ImportError:  # Windows, where nothing keeps two processes from writing one result
    fcntl = None  # type: ignore[assignment]

Made = TypeVar("Made")

BEGUN = "begun"
"""How the line begins that says that the file was made, and regions may follow: "begun 64,128 in 32,32" has
blocks of 32 × 32 and regions of 64 × 128."""


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

    Attributes
    ----------
    cut
        How the result that goes on was cut; None if it begins.

    Raises
    ------
    FileAccessError
        If the list of regions cannot be written.
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
        self._digest = digest
        self._written: list[Region] = []
        self.cut: Cut | None = None
        if self.path.exists() and not force:
            raise atomic.unasked(self.path)
        if self.part.exists() and not (resume or force):
            raise FileExistsRefusal(
                f"{self.part} was left by a computation that was interrupted; pass --resume to go on, or "
                "--force to begin anew"
            )
        try:
            self._hold()
            if resume:
                self._read()
        except OSError as error:
            self.close()
            raise self._unwritable(error) from error
        except ConvolveError:
            self.close()
            raise

    def begin(
        self,
        shape: Sequence[int],
        cut: Cut,
        create: Callable[[Path], Made],
        open_again: Callable[[Path], Made],
    ) -> Made:
        """Return what is written to: made anew, or opened again if the computation goes on.

        Regions begin and end with blocks; if it goes on, with those it was begun with.
        """
        assert self.cut is None or self.cut.block == cut.block, "a result's blocks stay as they are"
        self.blocks = Blocks(shape, cut.block)
        if self.cut is not None:
            for region in self._written:
                self.blocks.add(region)
            return open_again(self.part)
        try:
            remove(self.part)
            self._held.truncate(0)
            self._add(self._digest)
            made = create(self.part)
            self._add(f"{BEGUN} {_sizes(cut.region)} in {_sizes(cut.block)}")
        except (ConvolveError, OSError) as error:
            remove(self.part)
            self._held.truncate(0)
            self.close()
            if isinstance(error, ConvolveError):
                raise
            raise self._unwritable(error) from error
        return made

    def _unwritable(self, error: OSError) -> FileAccessError:
        return FileAccessError(f"{self.lines} cannot be written: {error.strerror}")

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
        """Let others go on with the computation; a list in which nothing was begun is removed."""
        if self._file is None:
            return
        nothing = os.fstat(self._file.fileno()).st_size == 0
        self._file.close()
        self._file = None
        if nothing:
            self.lines.unlink(missing_ok=True)

    def _read(self) -> None:
        """Read what was done before, and by which blocks, if a file was begun."""
        text = self.lines.read_text()
        if not text and self.part.exists():
            raise ArgumentError(f"{self.part} cannot be gone on with: its list of regions is gone")
        digest, *lines = text.split("\n")
        if not lines:  # it ended before a file was made
            return
        if digest != self._digest:
            raise ArgumentError(
                f"{self.part} is of another computation (source, filter, options or version differ), and "
                "cannot be gone on with; delete it, or pass --force without --resume"
            )
        if not lines[0].startswith(BEGUN) or len(lines) < 2 or not self.part.exists():
            return
        try:
            region, block = lines[0].removeprefix(BEGUN).split(" in ")
            self.cut = Cut(*(tuple(map(int, one.split(","))) for one in (region, block)))
            self._written = [_region(line) for line in lines[1:-1]]
        except ValueError as error:
            raise ArgumentError(
                f"{self.part} cannot be gone on with: its list of regions is damaged ({error})"
            ) from error
        self._held.truncate(text.rfind("\n") + 1)  # half a line at the end would be joined to the next one

    def holds(self, region: Region) -> bool:
        """Tell whether a region is written, by this run or those before it."""
        return self.blocks.hold(region)

    def add(self, region: Region) -> None:
        """Note that a region was written through."""
        self._add(" ".join(f"{start}:{stop}" for start, stop in region))
        self.blocks.add(region)

    def _add(self, line: str) -> None:
        self._held.write(f"{line}\n")
        self._held.flush()
        os.fsync(self._held.fileno())

    @property
    def _held(self) -> IO[str]:
        assert self._file is not None, "a journal is begun before anything is noted in it"
        return self._file

    def finish(self, whole: Region) -> None:
        """Give the whole result its name; a folder that has it is moved away first, and then removed."""
        assert self.holds(whole), "some regions were never done"
        old = self.part.with_name(f"{self.part.name}.old")
        if self.path.is_dir() or (self.part.is_dir() and self.path.exists()):
            remove(old)
            self.path.rename(old)
        self.part.replace(self.path)
        self.close()
        self.lines.unlink(missing_ok=True)
        remove(old)


def _sizes(sizes: Sequence[int]) -> str:
    return ",".join(map(str, sizes))


def _region(line: str) -> Region:
    """Return the region of a line such as "0:64 128:256"."""
    return tuple((int(start), int(stop)) for start, stop in (one.split(":") for one in line.split()))


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
