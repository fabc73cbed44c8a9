"""What was done of a long computation, so that it can go on after it was interrupted.

Beside the file that is being written, ``out.part.zarr``, lies ``out.part.zarr.txt``: a line that says what is
computed, one that says how it is cut, and one line for each region that was written through. The file gets
its name when all are.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

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
    shape
        Of the result.
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

    def __init__(self, path: str, digest: str, shape: Sequence[int], *, resume: bool, force: bool) -> None:
        self.path = Path(path)
        stem = self.path.with_suffix("")
        self.part = stem.with_name(f"{stem.name}.part{self.path.suffix}")
        self.lines = self.part.with_name(f"{self.part.name}.txt")
        self._file: BinaryIO | None = None
        self._digest, self._shape = digest, tuple(shape)
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

    def begin(self, cut: Cut, create: Callable[[Path], Made], open_again: Callable[[Path], Made]) -> Made:
        """Return what is written to: made anew, or opened again if the computation goes on.

        Regions begin and end with blocks; if it goes on, with those it was begun with. A list that says what
        is computed and no more is noted before anything is removed: what is half removed begins anew.
        """
        assert self.cut is None or self.cut.block == cut.block, "a result's blocks stay as they are"
        self._blocks = Blocks(self._shape, cut.block)
        if self.cut is not None:
            for region in self._written:
                self._blocks.add(region)
            return open_again(self.part)
        try:
            self._held.truncate(0)
            self._add(self._digest)
            remove(self.part)
            made = create(self.part)
            self._add(f"{BEGUN} {_sizes(cut.region)} in {_sizes(cut.block)}")
        except (ConvolveError, OSError) as error:
            with suppress(OSError):  # as `error` says, perhaps
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
        while self._file is None:
            file = self.lines.open("ab", buffering=0)  # nothing stays behind that a full disk did not take
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
            if _has_name(file, self.lines):
                self._file = file
            else:  # who had it removed it just now
                file.close()

    def close(self) -> None:
        """Let others go on with the computation; a list in which nothing was begun is removed."""
        if self._file is not None:
            self._let_go(removed=os.fstat(self._file.fileno()).st_size == 0)

    def _let_go(self, removed: bool) -> None:
        """Close the list, and remove it before another process may have it; Windows removes closed ones."""
        if removed and fcntl is not None:
            self.lines.unlink(missing_ok=True)
        self._held.close()
        self._file = None
        if removed and fcntl is None:
            self.lines.unlink(missing_ok=True)

    def _read(self) -> None:
        """Read what was done before, and by which blocks, if a file was begun."""
        if not self.part.exists():
            return
        try:
            self._understand(self.lines.read_bytes().decode("ascii"))
        except ArgumentError:
            raise
        except ValueError as error:
            raise ArgumentError(
                f"{self.part} cannot be gone on with: its list of regions is damaged ({error}); pass --force "
                "without --resume to begin anew"
            ) from error

    def _understand(self, text: str) -> None:
        """Take over what a list says; ValueError if it is none of this result."""
        if not text:
            raise ArgumentError(f"{self.part} cannot be gone on with: its list of regions is gone")
        digest, *lines = text.split("\n")
        if not lines:  # it ended before a file was made
            return
        if digest != self._digest:
            raise ArgumentError(
                f"{self.part} is of another computation (source, filter, options or version differ), and "
                "cannot be gone on with; delete it, or pass --force without --resume"
            )
        if not lines[0].startswith(BEGUN) or len(lines) < 2:
            return
        self.cut = _cut(lines[0], self._shape)
        self._written = [_region(line, self._shape, self.cut.block) for line in lines[1:-1]]
        self._held.truncate(text.rfind("\n") + 1)  # half a line at the end would be joined to the next one

    def is_written(self, region: Region) -> bool:
        """Tell whether a region is written, by this run or those before it."""
        return self._blocks.is_written(region)

    def add(self, region: Region) -> None:
        """Note that a region was written through."""
        self._add(" ".join(f"{start}:{stop}" for start, stop in region))
        self._blocks.add(region)

    def _add(self, line: str) -> None:
        left = f"{line}\n".encode("ascii")
        try:
            while left:
                left = left[self._held.write(left) :]
            os.fsync(self._held.fileno())
        except OSError as error:
            raise self._unwritable(error) from error

    @property
    def _held(self) -> BinaryIO:
        assert self._file is not None, "a journal is begun before anything is noted in it"
        return self._file

    def finish(self, whole: Region) -> None:
        """Give the whole result its name; a folder that has it is moved away first, and then removed."""
        assert self.is_written(whole), "some regions were never done"
        old = self.part.with_name(f"{self.part.name}.old")
        if self.path.is_dir() or (self.part.is_dir() and self.path.exists()):
            remove(old)
            self.path.rename(old)
        self.part.replace(self.path)
        self._let_go(removed=True)
        remove(old)


def _sizes(sizes: Sequence[int]) -> str:
    return ",".join(map(str, sizes))


def _cut(line: str, shape: Sequence[int]) -> Cut:
    """Return how a result is cut from a line such as "begun 64,128 in 32,32"; ValueError if it cannot be."""
    region, block = line.removeprefix(BEGUN).split(" in ")
    found = Cut(*(tuple(map(int, one.split(","))) for one in (region, block)))
    for most, size, length in zip(found.region, found.block, shape, strict=True):
        if not 0 < size <= most <= max(1, length):
            raise ValueError(f"{line!r} does not suit {_sizes(shape)}")
    return found


def _region(line: str, shape: Sequence[int], block: Sequence[int]) -> Region:
    """Return the region of a line such as "0:64 128:256"; ValueError if it is not made of blocks."""
    region = tuple((int(start), int(stop)) for start, stop in (one.split(":") for one in line.split()))
    for (start, stop), length, step in zip(region, shape, block, strict=True):
        if not 0 <= start < stop <= length or start % step or (stop % step and stop != length):
            raise ValueError(f"{line!r} is no region of {_sizes(shape)} in blocks of {_sizes(block)}")
    return region


def _has_name(file: BinaryIO, path: Path) -> bool:
    """Tell whether an open file is the one that has a name now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
