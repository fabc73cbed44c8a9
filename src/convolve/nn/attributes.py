"""The attributes of operations: which kind of value each takes, and its limits, checked before use."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.errors import ArgumentError

LARGEST_SIZE = 2**31 - 1
"""The largest stride, dilation, padding, axis, … of any network; beyond it sums of products could wrap."""

LONGEST_LIST = 4096
"""Numbers in one attribute; the longest lists that networks have are anchors, some hundred."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of an operation.

    Attributes
    ----------
    read
        Turns what was given into what the operation sees, or raises TypeError or ValueError with the rule.
    default
        Value where nothing is given; None means absent.
    required
        Whether something must be given.
    """

    read: Callable[[Any], Any]
    default: Any = None
    required: bool = False

    def value(self, name: str, given: Any) -> Any:
        """Return the checked value of what was given."""
        try:
            return self.read(given)
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"{name} must be {error}, got {_short(given)}") from None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _whole(value: Any, least: int, most: int) -> int:
    if isinstance(value, bool | np.bool_):
        value = int(value)
    if not isinstance(value, int | np.integer) or not least <= value <= most:
        raise ValueError(f"a whole number from {least} to {most}")
    return int(value)


def whole(default: int | None, least: int = -LARGEST_SIZE, most: int = LARGEST_SIZE) -> Attribute:
    """Return an attribute that is a whole number."""
    return Attribute(lambda value: _whole(value, least, most), default)


def needed(attribute: Attribute) -> Attribute:
    """Return the attribute as one that must be given."""
    return Attribute(attribute.read, required=True)


def wholes(default: tuple[int, ...] | None = None, least: int = -LARGEST_SIZE) -> Attribute:
    """Return an attribute that is a list of whole numbers."""

    def read(value: Any) -> tuple[int, ...]:
        if isinstance(value, str | bytes) or not hasattr(value, "__len__"):
            raise TypeError("a list of whole numbers")
        if len(value) > LONGEST_LIST:
            raise ValueError(f"a list of at most {LONGEST_LIST} numbers")
        return tuple(_whole(one, least, LARGEST_SIZE) for one in value)

    return Attribute(read, default)


def real(default: float | None) -> Attribute:
    """Return an attribute that is a finite number."""

    def read(value: Any) -> float:
        if not isinstance(value, int | float | np.number) or not math.isfinite(value):
            raise ValueError("a finite number")
        return float(value)

    return Attribute(read, default)


def flag(default: bool = False) -> Attribute:
    """Return an attribute that is 0 or 1."""
    return Attribute(lambda value: bool(_whole(value, 0, 1)), default)


def choice(default: str | None, *names: str) -> Attribute:
    """Return an attribute that is one of some names."""

    def read(value: Any) -> str:
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if text not in names:
            raise ValueError(f"one of {', '.join(names)}")
        return str(text)

    return Attribute(read, default)


def dtype(default: str | None) -> Attribute:
    """Return an attribute that is a dtype."""

    def read(value: Any) -> np.dtype[Any]:
        try:
            found: np.dtype[Any] = np.dtype(value)
        except TypeError:
            raise ValueError("a dtype") from None
        return found

    return Attribute(read, None if default is None else np.dtype(default))


def array() -> Attribute:
    """Return an attribute that is a tensor."""

    def read(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            raise TypeError("an array")
        return value

    return Attribute(read)


def complete(given: Mapping[str, Any], table: Mapping[str, Attribute]) -> dict[str, Any]:
    """Return the checked attributes of one node, with defaults where nothing is given."""
    unknown = sorted(set(given) - set(table))
    if unknown:
        known = ", ".join(sorted(table)) or "none"
        raise ArgumentError(f"attributes must be among {known}; got {', '.join(unknown)}")
    missing = [name for name, attribute in table.items() if attribute.required and name not in given]
    if missing:
        raise ArgumentError(f"{missing[0]} must be given; it has no default")
    return {
        name: attribute.value(name, given[name]) if name in given else attribute.default
        for name, attribute in table.items()
    }
