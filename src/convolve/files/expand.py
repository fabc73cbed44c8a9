"""What a person names on the command line -> the files that are meant: files, folders and patterns."""

import glob
from collections.abc import Sequence
from pathlib import Path

from convolve.errors import FileAccessError, FileMissingError
from convolve.files.formats import SUFFIXES, suffix_of
from convolve.files.picture import check_path


def expand(sources: Sequence[str]) -> list[Path]:
    """Return the files that are meant, each once, those of a folder or pattern in order of their names.

    A folder stands for the pictures directly in it, a pattern such as ``scans/**/*.png`` for what it matches.

    Raises
    ------
    FileMissingError
        If something that is named does not exist or holds no picture.
    """
    found: dict[Path, None] = {}
    for source in sources:
        found.update(dict.fromkeys(_expand_one(source)))
    return list(found)


def _expand_one(source: str) -> list[Path]:
    check_path(source)
    path = Path(source)
    if path.is_dir():
        inside = sorted(one for one in _entries(path) if suffix_of(one) in SUFFIXES and one.is_file())
        nothing = f"the folder {source} holds no picture ({', '.join(sorted(SUFFIXES))})"
        if any(one.is_dir() for one in _entries(path)):
            nothing += f", but folders; for what is in these write '{path / '*' / '*'}'"
        return _some(inside, nothing)
    if path.exists():
        return [path]
    if glob.has_magic(source):  # not Path.glob, which takes no absolute pattern
        matches = sorted(Path(one) for one in glob.glob(source, recursive=True))
        return _some([one for one in matches if one.is_file()], f"the pattern {source!r} matches no file")
    raise FileMissingError(f"a picture must exist to be read, but there is no {source}; check the path")


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise FileAccessError(
            f"the folder {folder} cannot be read: {error.strerror}; check its rights"
        ) from error


def _some(paths: list[Path], otherwise: str) -> list[Path]:
    if not paths:
        raise FileMissingError(f"{otherwise}; check the path")
    return paths
