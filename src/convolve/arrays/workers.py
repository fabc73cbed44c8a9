"""Regions on the workers of a Dask cluster: each reads, computes and writes its own; nothing else is sent.

A worker that dies loses what it was doing; Dask gives that region to another one, which writes the same bits.
"""

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
    from distributed import as_completed

    lanes = Lanes(len(regions))
    given: dict[Any, tuple[int, str]] = {}

    def submit(worker: str) -> list[Any]:
        number = lanes.next(worker)
        if number is None:
            return []
        where = {"workers": [worker], "allow_other_workers": True}
        future = client.submit(on_this_thread, function, regions[number], pure=False, **where)
        given[future.key] = (number, worker)
        return [future]

    def welcome(there: Mapping[str, int]) -> list[Any]:
        joined = {worker: count for worker, count in there.items() if worker not in lanes}
        lanes.open(joined)
        places = [worker for worker, count in joined.items() for _ in range(AHEAD * count)]
        return [future for worker in places for future in submit(worker)]

    running = as_completed(welcome(_threads(client)))
    for future in running:
        number, worker = given.pop(future.key)
        try:
            result = future.result()
        except ConvolveError:
            raise
        except Exception as error:  # whatever a worker's process or Dask itself came upon
            raise ArgumentError(f"region {regions[number]} failed on its worker: {error}") from error
        running.update([*submit(worker), *welcome(client.nthreads())])
        yield number, result


def _threads(client: Any) -> dict[str, int]:
    """Return how many threads each worker has, once there is a worker."""
    try:
        client.wait_for_workers(1, timeout=SECONDS)
    except TimeoutError as error:
        raise ArgumentError("the scheduler has no workers; start one with: dask worker ADDRESS") from error
    return dict(client.nthreads())
