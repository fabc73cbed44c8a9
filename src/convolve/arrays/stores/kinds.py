"""Which format a path means, and that format's functions."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from convolve.arrays.stores.base import SUFFIXES, Description, Location, Sink, Source
from convolve.errors import FileFormatError, FileMissingError
from convolve.files.picture import check_path


def kind_of_path(text: str | Path) -> str | None:
    """Return the module that knows a path's format, None if none does.

    >>> kind_of_path("big.zarr"), kind_of_path("photo.jpg")
    ('zarr_store', None)
    """
    return SUFFIXES.get(Path(Location.of(text).path).suffix.lower())


def is_packed(text: str | Path) -> bool:
    """Tell whether a format keeps chunks that are unpacked as a whole to read a cell of them."""
    return kind_of_path(text) not in ("npy", None)


def open_source(text: str | Path) -> Source:
    """Return an array in a file, whose header was compared with the file."""
    location = Location.of(text)
    check_path(location.path)
    if not Path(location.path).exists():
        raise FileMissingError(
            f"an array must exist to be read, but there is no {location.path}; check the path"
        )
    opened: Source = _function(location, "open_source")(location)
    return opened


def create(text: str | Path, description: Description) -> Sink:
    """Make a new file for an array that will be written by regions."""
    location = Location.of(text)
    made: Sink = _function(location, "create")(location, description)
    return made


def open_sink(text: str | Path, description: Description) -> Sink:
    """Return a file that `create` made, to write more regions."""
    location = Location.of(text)
    opened: Sink = _function(location, "open_sink")(location, description)
    return opened


def check_suffix(text: str | Path) -> None:
    """Refuse a path whose suffix does not say its format."""
    _module(Location.of(text))


def _function(location: Location, name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(import_module(f"convolve.arrays.stores.{_module(location)}"), name)
    return found


def _module(location: Location) -> str:
    """Return the module that knows a format."""
    kind = kind_of_path(location.path)
    if kind is None:
        raise FileFormatError(
            f"the suffix of {location.path} must say its format, one of {', '.join(SUFFIXES)}; rename it"
        )
    return kind
