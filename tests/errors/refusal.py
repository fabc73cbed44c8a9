"""One refused call, and what its error must be: shared by the tables of this folder.

The words are asserted in their order: a message gives the rule, then the caller's own numbers, then what to
do.
"""

from typing import Any

import numpy as np
import pytest

import convolve
from convolve import errors

Kind = tuple[type[errors.ConvolveError], type[Exception]]

SHAPE: Kind = (errors.ShapeError, ValueError)
VALUE: Kind = (errors.ArgumentError, ValueError)
FILTER: Kind = (errors.FilterError, ValueError)
TYPE: Kind = (errors.ArgumentTypeError, TypeError)
DTYPE: Kind = (errors.DTypeError, TypeError)
OVERFLOW: Kind = (errors.IntegerOverflowError, OverflowError)
TOO_LARGE: Kind = (errors.TooLargeError, MemoryError)
MISSING: Kind = (errors.MissingNameError, AttributeError)
NO_FILE: Kind = (errors.FileMissingError, FileNotFoundError)
"""Our error, and the built-in that a caller would catch."""

DATA: dict[str, Any] = {
    "np": np,
    "convolve": convolve,
    "batch": np.zeros((1, 3, 8, 9)),
    "weight": np.ones((4, 3, 3, 3)),
    "up": np.ones((3, 2, 3, 3)),
    "image": np.ones((8, 9)),
    "photo": np.full((8, 9), 200, np.uint8),
    "colour": np.ones((8, 9, 3)),
    "kernel": np.ones((3, 3)),
    "grad": np.zeros((1, 4, 6, 7)),
}
"""The names that the calls use."""


class Refusal:
    """A call, the kind of error it must raise, and words of its message in their order."""

    def __init__(self, call: str, kind: Kind, *words: str) -> None:
        self.call = call
        self.ours, self.builtin = kind
        self.words = words

    def __str__(self) -> str:
        return self.call


def check(refusal: Refusal) -> None:
    """Make the call and assert the type of its error and the words of its message, in order."""
    with pytest.raises(refusal.builtin) as caught:
        eval(refusal.call, dict(DATA))
    assert type(caught.value) is refusal.ours, f"{type(caught.value).__name__}: {caught.value}"
    message, place = str(caught.value), 0
    for word in refusal.words:
        found = message.find(word, place)
        assert found >= 0, f"{word!r} is missing from {message[place:]!r} (of {message!r})"
        place = found + len(word)
    assert len(refusal.words) >= 2, "a message says more than one thing"
    assert len(message) < 500, "a message is read by a person"
    assert "\n" not in message and message == message.strip()
