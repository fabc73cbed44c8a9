"""What a peer offers for a shape: ways to compute it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.shapes import Array

MODES = ("out", "bound", "unbound")
"""out: weights prepared, the result written into an array that is there. bound: weights prepared, a fresh
result. unbound: the library's plain call, weights as they are, a fresh result."""

PLAIN = "plain"
"""The mode of a call that prepares nothing: it stands for bound and for unbound alike."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way in which a library computes a shape.

    Attributes
    ----------
    mode
        One of `MODES`, or `PLAIN`.
    name
        The way, for people.
    call
        Computes; what it returns may be the library's own kind of array.
    read
        Makes a NumPy array with channels first of what ``call`` returned.
    """

    mode: str
    name: str
    call: Callable[[], Any]
    read: Callable[[Any], Array]


class NotOfferedError(Exception):
    """The library has no call for this shape; the message says so."""


def same(array: Array) -> Array:
    """Return the array itself, for libraries whose results are channels first."""
    return array
