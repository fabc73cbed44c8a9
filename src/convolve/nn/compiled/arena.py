"""One piece of memory for all tensors of a network: those that are never needed together share places."""

from collections.abc import Mapping
from dataclasses import dataclass

from convolve.runtime.scratch import ALIGNMENT


@dataclass(frozen=True, slots=True)
class Life:
    """Bytes that are needed from one action to another one, both included."""

    nbytes: int
    first: int
    last: int

    def meets(self, other: "Life") -> bool:
        """Whether both are needed at some time."""
        return self.first <= other.last and other.first <= self.last


def arranged(lives: Mapping[str, Life]) -> tuple[dict[str, int], int]:
    """Return an offset for each, and how many bytes are enough for all.

    The largest come first, each at the lowest offset that is free while it lives.

    >>> arranged({"a": Life(64, 0, 1), "b": Life(128, 1, 2), "c": Life(64, 2, 3)})
    ({'b': 0, 'a': 128, 'c': 128}, 192)
    """
    offsets: dict[str, int] = {}
    for name in sorted(lives, key=lambda name: (-lives[name].nbytes, lives[name].first)):
        others = [other for other in offsets if lives[name].meets(lives[other])]
        taken = sorted((offsets[other], _size(lives[other])) for other in others)
        offsets[name] = _gap(taken, _size(lives[name]))
    return offsets, max((offsets[name] + _size(lives[name]) for name in offsets), default=0)


def _size(life: Life) -> int:
    return -(-life.nbytes // ALIGNMENT) * ALIGNMENT


def _gap(taken: list[tuple[int, int]], size: int) -> int:
    """Return the lowest offset at which so many bytes overlap none of these (offset, size)."""
    start = 0
    for offset, length in taken:
        if start + size <= offset:
            break
        start = max(start, offset + length)
    return start
