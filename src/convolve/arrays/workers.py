"""Regions on the workers of a Dask cluster: each reads, computes and writes its own; nothing else is sent.

A worker that dies loses what it was doing; Dask gives that region to another one, which writes the same bits.
"""

import itertools
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
"""Seconds without a region that is done after which it is asked whether there are workers left."""

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
    if isinstance(scheduler, Client):
        try:
            yield partial(_run, scheduler), max(_threads(scheduler).values())
        finally:
            scheduler.run(forget)
        return
    try:
        client = Client(scheduler, timeout=SECONDS)
    except (OSError, ValueError, TimeoutError) as error:
        raise ArgumentError(
            f"the scheduler must be the address of one that runs, such as tcp://127.0.0.1:8786, but "
            f"{scheduler!r} does not answer: {error}"
        ) from error
    with client:
        try:
            yield partial(_run, client), max(_threads(client).values())
        finally:
            client.run(forget)


def _run(
    client: Any, function: Callable[[Region], Any], regions: Sequence[Region]
) -> Iterator[tuple[int, Any]]:
    """Hand out regions, a few more than there are threads, and yield what comes back.

    A worker is given neighbours, one after the other, because they read the same chunks of the source, which
    it keeps. Nothing depends on it: Dask gives a region to another worker if this one is gone.
    """
    lanes = Lanes(len(regions))
    given: dict[Any, tuple[int, str]] = {}

    def submit(number: int | None, worker: str) -> None:
        if number is not None:
            where = {"workers": [worker], "allow_other_workers": True}
            future = client.submit(on_this_thread, function, regions[number], pure=False, **where)
            given[future] = (number, worker)

    def welcome(there: Mapping[str, int]) -> None:
        joined = {worker: count for worker, count in there.items() if worker not in lanes}
        lanes.open(joined)
        for worker in [worker for worker, count in joined.items() for _ in range(AHEAD * count)]:
            submit(lanes.next(worker), worker)

    welcome(_threads(client))
    while given:
        for future in _finished(list(given)):
            number, worker = given.pop(future)
            try:
                result = future.result()
            except ConvolveError:
                raise
            except Exception as error:  # whatever a worker's process or Dask itself came upon
                raise ArgumentError(f"region {regions[number]} failed on its worker: {error}") from error
            submit(lanes.next(worker), worker)
            welcome(client.nthreads())
            yield number, result
        if not client.nthreads():
            lost = [number for number, _ in given.values()]
            given.clear()  # Dask never gives to others what it could give to nobody
            others = _others(client)
            welcome(others)
            for number, worker in zip(lost, itertools.cycle(others), strict=False):
                submit(number, worker)


def _finished(futures: list[Any]) -> set[Any]:
    """Return those that are finished after some seconds, or sooner if one is."""
    from distributed import wait

    try:
        done: set[Any] = wait(futures, timeout=PATIENCE, return_when="FIRST_COMPLETED").done
    except TimeoutError:
        return set()
    return done


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
