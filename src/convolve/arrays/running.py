"""Runs regions in this process: one by one, or several at the same time."""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from convolve.arrays.work import Region
from convolve.runtime import threads

Result = TypeVar("Result")


def one_by_one(function: Callable[[Region], Any], regions: Sequence[Region]) -> Iterator[tuple[int, Any]]:
    """Do the regions one after the other, each with all threads."""
    for number, region in enumerate(regions):
        yield number, function(region)


def side_by_side(function: Callable[[Region], Any], regions: Sequence[Region]) -> Iterator[tuple[int, Any]]:
    """Do as many regions at the same time as there are threads, each on one.

    So files are unpacked and packed, which one thread does, beside the computation (bench/NOTES.md).
    """
    many = threads.get_num_threads()
    if many == 1:
        yield from one_by_one(function, regions)
        return
    waiting = iter(enumerate(regions))
    running: dict[Future[Any], int] = {}
    pool = ThreadPoolExecutor(many)

    def begin(count: int) -> None:
        for number, region in itertools.islice(waiting, count):
            running[pool.submit(on_this_thread, function, region)] = number

    try:
        begin(many)
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number, result = running.pop(future), future.result()
                begin(1)
                yield number, result
    finally:
        pool.shutdown(cancel_futures=True)


def on_this_thread(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function that computes on this thread alone: others beside it have work of their own.

    The main thread has nobody beside it.
    """
    if threading.current_thread() is threading.main_thread():
        return function(*arguments)
    with threads.alone():
        return function(*arguments)
