"""The disk cache of machine code: an entry is either exactly what was put in, or a miss.

Object code that changed on disk kills the process that loads it, so nobody sees a byte of an entry before its
length and SHA-256 are right. The directory belongs to the user alone. Whatever goes wrong with it (no home,
no rights, a full disk) costs time and one warning, never a result.
"""

import contextlib
import functools
import hashlib
import os
import stat
import tempfile
import warnings
from pathlib import Path

import llvmlite  # its version, which is all that this module holds; LLVM itself is not loaded

from convolve.runtime.host import cpu_flags, cpu_name

VARIABLE = "CONVOLVE_CACHE_DIR"
"""Where the cache is to be, or "off" for none."""

MOST_BYTES = 256 << 20
"""Size of the cache beyond which the entries used longest ago are removed: some 20,000 routines."""

SELDOM = 64
"""One in so many entries that are put in has the cache's size looked up: 40 ms among 6,500 entries, beside 60
for making a routine (AMD EPYC with AVX-512, 2026-11-27). So it may grow by some hundred routines, 1 %, too
large."""

MOST_ENTRY = 16 << 20
"""Size of an entry that cannot be ours: routines take 5 to 20 kB."""

MAGIC = b"convolve object 2\n"
_HEAD = len(MAGIC) + 8 + 32

OPENING = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""How entries are opened: no link is followed, and no pipe waited for."""

_warned = False


class CacheWarning(UserWarning):
    """The disk cache cannot be used; everything works without it, with a compilation in each process."""


def _surroundings() -> tuple[str, ...]:
    """Return what the code depends on beside its parts: compiler sources, LLVM, CPU."""
    room = Path(__file__).parent
    sources = [room / "jit.py", *sorted((room.parent / "compiler").rglob("*.py"))]
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    return (digest.hexdigest(), llvmlite.__version__, cpu_name(), " ".join(sorted(cpu_flags())))


SURROUNDINGS = _surroundings()
"""Worked out when this module is imported, which is when the compiler is: a process that goes on while its
sources are replaced must not keep old code under the new sources' key."""


def make_key(*parts: object) -> str:
    """Return the key of an entry: of everything that changes its code, and of all that makes the code.

    >>> make_key("a") == make_key("a"), make_key("a") == make_key("b")
    (True, False)
    """
    return hashlib.sha256(repr((SURROUNDINGS, parts)).encode()).hexdigest()


def get(key: str) -> bytes | None:
    """Return what was put under a key, or None if it is not there, damaged or not ours."""
    directory = _directory()
    if directory is None:
        return None
    try:
        handle = os.open(directory / key, OPENING)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or not _HEAD < status.st_size <= MOST_ENTRY:
                return None
            content = file.read(status.st_size)  # not MOST_ENTRY: Python reserves what it is asked for
    except OSError:
        return None
    code = content[_HEAD:]
    if content[:_HEAD] != _head(key, code):
        return None
    with contextlib.suppress(OSError):  # what was used last is removed last
        os.utime(directory / key)
    return code


def put(key: str, code: bytes) -> None:
    """Keep code under a key; an entry appears whole or not at all."""
    directory = _directory()
    if directory is None:
        return
    beside = ""
    try:
        handle, beside = tempfile.mkstemp(dir=directory, prefix=".new-")
        with os.fdopen(handle, "wb") as file:
            file.write(_head(key, code) + code)
        Path(beside).replace(directory / key)
        if int(key[-4:], 16) % SELDOM == 0:  # keys are as good as random
            _shrink(directory)
    except OSError as error:
        _warn(f"{directory} cannot be written ({error.strerror})")
        if beside:
            Path(beside).unlink(missing_ok=True)


def _head(key: str, code: bytes) -> bytes:
    """Return what stands before the code: a mark, its length and the SHA-256 of key and code."""
    return MAGIC + len(code).to_bytes(8, "little") + hashlib.sha256(key.encode() + code).digest()


def _shrink(directory: Path) -> None:
    """Remove the oldest entries while there are too many bytes."""
    entries = []
    with os.scandir(directory) as found:
        for entry in found:
            with contextlib.suppress(FileNotFoundError):  # another process renamed or removed it
                status = entry.stat(follow_symlinks=False)
                entries.append((status.st_mtime, status.st_size, entry.path))
    surplus = sum(size for _, size, _ in entries) - MOST_BYTES
    for _, size, path in sorted(entries):
        if surplus <= 0:
            return
        Path(path).unlink(missing_ok=True)
        surplus -= size


def _directory() -> Path | None:
    """Return the cache's directory, made if need be, or None where there is to be none or can be none."""
    wanted = os.environ.get(VARIABLE)
    if wanted == "off":
        return None
    try:
        return _checked(wanted or _default_directory())
    except OSError as error:
        _warn(f"{error.filename or wanted} cannot be used ({error.strerror or error})")
        return None


@functools.cache
def _default_directory() -> str:
    import platformdirs  # only where a routine is made or loaded

    return platformdirs.user_cache_dir("convolve", appauthor=False)


@functools.lru_cache(maxsize=8)
def _checked(path: str) -> Path:
    """Return a directory that belongs to this user alone, made if it is not there."""
    directory = Path(path)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = os.lstat(directory)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(0, "it is a link or a file, not a directory", path)
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        raise PermissionError(0, "it belongs to another user", path)
    if status.st_mode & 0o022:
        raise PermissionError(0, "others can write to it, and may have", path)
    if status.st_mode & 0o077:
        directory.chmod(0o700)
    return directory


def _warn(problem: str) -> None:
    """Say once that there is no cache."""
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            f"convolve keeps no compiled code between processes: {problem}; set {VARIABLE} to a directory of "
            'your own, or to "off"',
            CacheWarning,
            stacklevel=2,
        )
