"""Who does which of many regions: each worker neighbours, and at the end what others have left."""

from collections import deque
from collections.abc import Mapping


class Lanes:
    """The numbers from 0 up, in as many stretches as there are workers.

    Examples
    --------
    >>> lanes = Lanes(6)
    >>> lanes.open({"a": 2, "b": 1})
    >>> [lanes.next("b") for _ in range(4)]  # two of its own, then the last ones of the other
    [4, 5, 3, 2]
    >>> [lanes.next("a") for _ in range(3)]
    [0, 1, None]
    """

    def __init__(self, count: int) -> None:
        self._unassigned = range(count)
        self._lanes: dict[str, deque[int]] = {}

    def __contains__(self, worker: str) -> bool:
        return worker in self._lanes

    def open(self, threads: Mapping[str, int]) -> None:
        """Give the first workers stretches, by their threads; workers that come later take of these."""
        rest, left = sum(threads.values()), self._unassigned
        for worker, count in threads.items():
            many = round(len(left) * count / rest)
            self._lanes[worker] = deque(left[:many])
            rest, left = rest - count, left[many:]
        if threads:
            self._unassigned = left

    def next(self, worker: str) -> int | None:
        """Return what a worker does next, or None if nothing is left."""
        own = self._lanes[worker]
        if own:
            return own.popleft()
        longest = max(self._lanes.values(), key=len)
        return longest.pop() if longest else None
