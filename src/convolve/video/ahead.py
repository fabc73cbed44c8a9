"""Work done ahead: an iterator that runs in a thread of its own, some steps before whoever asks.

Decoding, filtering and encoding a film each leave Python's lock while they compute, so two of these threads
in a row keep several cores busy.
"""

import queue
import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 0.1
"""Seconds after which a thread that waits for room looks whether it is still wanted."""


@dataclass(frozen=True, slots=True)
class _End:
    """The last thing in the queue, with the error that ended the work, if one did."""

    error: BaseException | None


def ahead(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    """Yield what ``items`` yields, worked out by another thread that is at most ``depth`` items ahead.

    Its errors are raised here. When this iterator is closed, the thread ends after the item it is at.

    >>> list(ahead((number * 2 for number in range(4)), 2))
    [0, 2, 4, 6]
    """
    waiting: queue.Queue[T | _End] = queue.Queue(depth)
    unwanted = threading.Event()
    worker = threading.Thread(target=_work, args=(items, waiting, unwanted), daemon=True)
    worker.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        unwanted.set()
        worker.join()


def _work(items: Iterable[T], waiting: "queue.Queue[T | _End]", unwanted: threading.Event) -> None:
    error: BaseException | None = None
    iterator = iter(items)
    try:
        for item in iterator:
            if not _handed(item, waiting, unwanted):
                break
    except BaseException as problem:  # whatever it is, it is raised where the items are asked for
        error = problem
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
    _handed(_End(error), waiting, unwanted)


def _handed(item: T | _End, waiting: "queue.Queue[T | _End]", unwanted: threading.Event) -> bool:
    """Put an item where it is asked for, unless nobody asks any more."""
    while not unwanted.is_set():
        try:
            waiting.put(item, timeout=PATIENCE)
        except queue.Full:
            continue
        return True
    return False
