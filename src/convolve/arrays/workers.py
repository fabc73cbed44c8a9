"""Regions on the workers of a Dask cluster: each reads, computes and writes its own; nothing else is sent.

A worker that dies loses what it was doing; Dask gives that region to another one, which writes the same bits.
If none is there at that moment, the region is handed out anew to one that joins.
"""

import itertools
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

from convolve.arrays.lanes import Lanes
from convolve.arrays.running import on_this_thread
from convolve.arrays.stores.caching import forget
from convolve.arrays.work import Region, Runner
from convolve.errors import ArgumentError, ConvolveError, MissingExtraError

AHEAD = 2
"""Regions per thread of the cluster that are handed out at a time: one is computed while one waits."""

PATIENCE = 5
"""Seconds without a region that is done after which it is asked whether workers are gone, and how long the
result of one, a few numbers, may take to come."""

SECONDS = 20
"""How long a scheduler may take to answer, and to have a worker."""


@contextmanager
def connected(scheduler: Any) -> Iterator[tuple[Runner, int]]:
    """Give what does regions on the workers of a scheduler, and the most threads that one of these has.

    ``scheduler`` is an address or a `distributed.Client`.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError.of("distributed", "dask", "a Dask scheduler") from error
    with nullcontext(scheduler) if isinstance(scheduler, Client) else _client(scheduler) as client:
        try:
            yield partial(_run, client), max(_threads(client).values())
        finally:
            _forget(client)


def _client(address: Any) -> Any:
    """Return a client of the scheduler that runs at an address."""
    from distributed import Client

    try:
        return Client(address, timeout=SECONDS)
    except (OSError, ValueError, TimeoutError) as error:
        raise ArgumentError(
            f"the scheduler must be the address of one that runs, such as tcp://127.0.0.1:8786, but "
            f"{address!r} does not answer: {error}"
        ) from error


def _forget(client: Any) -> None:
    """Let the workers forget the chunks that they keep, if the scheduler is there."""
    if client.status == "running":
        client.run(forget)


def _run(
    client: Any, function: Callable[[Region], Any], regions: Sequence[Region]
) -> Iterator[tuple[int, Any]]:
    """Hand out regions, a few more than there are threads, and yield what comes back.

    A worker is given neighbours, one after the other, because they read the same chunks of the source, which
    it keeps. Nothing depends on it: Dask gives a region to another worker if this one is gone.
    """
    from distributed import CancelledError

    lanes = Lanes(len(regions))
    given: dict[Any, tuple[int, str]] = {}
    ended = threading.Event()

    def submit(number: int | None, worker: str) -> None:
        if number is not None:
            where = {"workers": [worker], "allow_other_workers": True}
            future = client.submit(on_this_thread, function, regions[number], pure=False, **where)
            future.add_done_callback(lambda _: ended.set())
            given[future] = (number, worker)

    def welcome(there: Mapping[str, int]) -> None:
        joined = {worker: count for worker, count in there.items() if worker not in lanes}
        lanes.open(joined)
        for worker in [worker for worker, count in joined.items() for _ in range(AHEAD * count)]:
            submit(lanes.next(worker), worker)

    try:
        welcome(_threads(client))
        while given:
            finished = _finished(given, ended)
            for future in finished:
                is_there, result = _fetched(future, regions[given[future][0]])
                if is_there:
                    number, worker = given.pop(future)
                    submit(lanes.next(worker), worker)
                    welcome(client.nthreads())
                    yield number, result
            if given and not finished:
                there = client.nthreads() or _others(client)
                welcome(there)
                for future, worker in zip(_lost(client, given, there), itertools.cycle(there), strict=False):
                    submit(given.pop(future)[0], worker)
                    future.release()
    except ConvolveError:
        raise
    except (OSError, CancelledError) as error:
        raise ArgumentError(
            "the scheduler is gone or dropped the work; go on with resume (--resume)"
        ) from error
    finally:
        for future in given:
            future.release()  # what calls `ended` holds it, too, and Dask does what anybody holds


def _finished(given: Iterable[Any], ended: threading.Event) -> list[Any]:
    """Return those that are finished after some seconds, or sooner if one is."""
    ended.clear()
    if not any(future.done() for future in given):
        ended.wait(PATIENCE)
    return [future for future in given if future.done()]


def _fetched(future: Any, region: Region) -> tuple[bool, Any]:
    """Return whether a region's result was still there, and the result: it goes with its worker."""
    try:
        return True, future.result(timeout=PATIENCE)
    except ConvolveError:
        raise
    except Exception as error:  # whatever a worker's process or Dask itself came upon
        if future.cancelled():  # not the region failed, but Dask
            raise
        if isinstance(error, TimeoutError) and future.status != "error":
            return False, None
        raise ArgumentError(f"region {region} failed on its worker: {error}") from error


def _lost(client: Any, given: Mapping[Any, tuple[int, str]], there: Mapping[str, int]) -> list[Any]:
    """Return those whose worker is gone and which no other was given.

    Dask gives a region of a lost worker to others that are there at that moment, never to one that joins.
    """
    busy = {key for keys in client.processing().values() for key in keys}
    return [future for future, (_, worker) in given.items() if worker not in there and future.key not in busy]


def _others(client: Any) -> Mapping[str, int]:
    """Say that nobody is left, and return the workers that join."""
    warnings.warn(
        "the scheduler has no workers any more; the rest waits for others to join (dask worker ADDRESS), or "
        "can be gone on with later (resume)",
        RuntimeWarning,
        stacklevel=2,
    )
    while not (joined := dict(client.nthreads())):
        time.sleep(PATIENCE / 10)
    return joined


def _threads(client: Any) -> dict[str, int]:
    """Return how many threads each worker has, once there is a worker."""
    try:
        client.wait_for_workers(1, timeout=SECONDS)
    except TimeoutError as error:
        raise ArgumentError("the scheduler has no workers; start one with: dask worker ADDRESS") from error
    return dict(client.nthreads())
