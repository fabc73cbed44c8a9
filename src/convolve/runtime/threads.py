"""Runs a compiled routine over all its items: on the calling thread alone, or with the pool's help.

A job takes the pool if it is long enough, more than one thread is set, and no other call holds the pool. A
second caller while the pool is busy runs its whole job alone: it never waits, so that nothing can deadlock,
and with as many callers as CPUs that is as fast as any sharing could be.

Measured on 2026-11-23 on two cores of an AMD Zen 3 (EPYC, a virtual machine, others at work on it), Python
3.11: a job that runs alone takes 0.7 µs more than its bare ctypes call, which takes 0.8; an empty job shared
by two threads takes 2.8-3.9 µs in all. Two threads beside one, medians of 12 interleaved turns: 1.1-1.4 × on
jobs of 10 µs, 1.3-1.5 × at 15 µs, 1.8-2.1 × from 60 µs to 5 ms (beside them 2.7 × at 1 ms, which is noise,
and 1.3 × at 60 µs while the machine was busy). The first job after 5 ms of sleep lost 30-100 µs up to 100 µs
of work, won or lost at 250 µs, and won at 1 ms in two runs of three. From Ctrl-C to its exception, on two
threads, 60 times: median 10 ms, at most 22; with costs estimated ten times too low 35 ms, at most 80.
"""

import atexit
import ctypes
import functools
import operator
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ArgumentTypeError
from convolve.runtime.host import usable_cpus
from convolve.runtime.pool import LONGEST_BLOCK_NS, ROUND_NS, Pool, Table, native, next_round
from convolve.runtime.scratch import OwnScratch

SHARED_FROM_NS = 10_000.0
"""Estimated ns from which a job goes to the pool: there two threads begin to be faster than one (1.1 ×)."""

HOLDING_BELOW_NS = 20_000.0
"""Jobs shorter than this keep the GIL: giving it away and asking for it again may cost as much, and another
Python thread that has it keeps it for up to 5 ms."""

MOST_THREADS = 1024
VARIABLE = "CONVOLVE_NUM_THREADS"


class _Here(threading.local):
    """What is true of one Python thread."""

    alone = False
    """Whether it shares no work; see `alone`."""


_ARGUMENTS = (ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
_own_scratch = OwnScratch()
_here = _Here()
_lock = threading.RLock()  # a signal handler may convolve while its own thread is in here
_threads: int | None = None
_pool: Pool | None = None


def run(routine: int, args: int, items: int, scratch_bytes: int, cost_ns: float) -> None:
    """Run all items of a routine and return when they are done.

    Parameters
    ----------
    routine, args
        Addresses of ``void routine(int64_t *args, int64_t begin, int64_t end, void *scratch)`` and of its
        arguments.
    items
        How many items of work there are. How they are shared out must not change any result.
    scratch_bytes
        Size of the 64-byte aligned buffer that each thread hands to the routine.
    cost_ns
        Estimated time of the whole job on one thread, in nanoseconds.

    Raises
    ------
    TooLargeError
        There is no memory for the scratch.
    """
    shared = cost_ns >= SHARED_FROM_NS and items > 1 and get_num_threads() > 1 and not _here.alone
    if not (shared and (_pool or _new_pool()).run(routine, args, items, scratch_bytes, cost_ns)):
        _run_alone(routine, args, items, scratch_bytes, cost_ns)


@contextmanager
def alone() -> Iterator[None]:
    """Keep what this Python thread computes to this thread: others beside it have work of their own."""
    before, _here.alone = _here.alone, True
    try:
        yield
    finally:
        _here.alone = before


def walk(table: Table) -> None:
    """Do the jobs of a table, one after the other, without returning to Python in between."""
    if table.shared and not _here.alone and (_pool or _new_pool()).walk(table):
        return
    kept, scratch = _own_scratch.room(table.scratch_bytes) if table.scratch_bytes else (None, 0)
    native().walk_alone(table.address, table.rows, scratch)
    del kept


def own_scratch(size: int) -> tuple[Array | None, int]:
    """Return this thread's scratch and its address; hold the first as long as the second is used."""
    return _own_scratch.room(size)


def holding(function: int) -> Callable[[int], None]:
    """Return ``void function(void *)`` as a Python function that keeps the GIL: for `HOLDING_BELOW_NS`."""
    return ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(function)


def _run_alone(routine: int, args: int, items: int, scratch_bytes: int, cost_ns: float) -> None:
    """Run a job on this thread."""
    # The buffer is held here: between rounds a signal handler may replace the thread's own by a larger one.
    kept, scratch = _own_scratch.room(scratch_bytes) if scratch_bytes else (None, 0)
    if cost_ns < HOLDING_BELOW_NS:
        _holding(routine)(args, 0, items, scratch)
    elif cost_ns < ROUND_NS:
        _releasing(routine)(args, 0, items, scratch)
    else:
        step = max(1, int(items * LONGEST_BLOCK_NS / cost_ns))
        _run_in_rounds(_releasing(routine), args, items, scratch, step)
    del kept


def _run_in_rounds(function: Any, args: int, items: int, scratch: int, step: int) -> None:
    """Run some items at a time, `step` at first; between two rounds Python answers Ctrl-C."""
    begin = 0
    while begin < items:
        end = min(items, begin + step)
        started = time.perf_counter_ns()
        function(args, begin, end, scratch)
        step = next_round(step, time.perf_counter_ns() - started)
        begin = end


@functools.lru_cache(maxsize=1024)
def _holding(routine: int) -> Any:
    """Return a routine as a Python function that keeps the GIL."""
    return ctypes.PYFUNCTYPE(None, *_ARGUMENTS)(routine)


@functools.lru_cache(maxsize=1024)
def _releasing(routine: int) -> Any:
    """Return a routine as a Python function that releases the GIL."""
    return ctypes.CFUNCTYPE(None, *_ARGUMENTS)(routine)


def get_num_threads() -> int:
    """Return how many threads a convolution may use, the caller's own among them.

    Without `set_num_threads` it is the environment variable ``CONVOLVE_NUM_THREADS``, or else the number of
    CPUs that this process may use.

    Raises
    ------
    ArgumentError
        ``CONVOLVE_NUM_THREADS`` is not a whole number from 1 to 1024.

    Examples
    --------
    >>> get_num_threads() >= 1
    True
    """
    global _threads
    if _threads is None:
        _threads = _default_threads()
    return _threads


def set_num_threads(threads: int) -> None:
    """Set how many threads a convolution may use, the caller's own among them.

    Results are the same for every number. More threads than CPUs are allowed, and slower.

    Parameters
    ----------
    threads
        From 1 to 1024.

    Raises
    ------
    ArgumentTypeError, ArgumentError
        The number is not a whole one, or out of range.

    Examples
    --------
    >>> before = get_num_threads()
    >>> set_num_threads(3)
    >>> get_num_threads()
    3
    >>> set_num_threads(before)
    """
    try:
        wanted = operator.index(threads)
        if isinstance(threads, bool):
            raise TypeError
    except TypeError:
        kind = type(threads).__name__
        raise ArgumentTypeError(f"threads must be a whole number; got {threads!r}, a {kind}") from None
    if not 1 <= wanted <= MOST_THREADS:
        raise ArgumentError(f"threads must be from 1 to {MOST_THREADS}; got {wanted}")
    _change_threads(wanted)


def _change_threads(threads: int) -> Pool | None:
    """Set the number, and return the pool that is no longer used, if there was one."""
    global _threads, _pool
    with _lock:
        old = None
        if _pool and _threads != threads:
            old, _pool = _pool, None
            old.stop()
        _threads = threads
    return old


def _default_threads() -> int:
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return min(usable_cpus(), MOST_THREADS)
    plain = text.isascii() and text.isdigit() and len(text) < 10
    if not plain or not 1 <= int(text) <= MOST_THREADS:
        raise ArgumentError(
            f"the environment variable {VARIABLE} must be a whole number from 1 to {MOST_THREADS}; "
            f"it is {text!r}: correct or unset it"
        )
    return int(text)


def _new_pool() -> Pool:
    """Return the pool, made now if there is none."""
    global _pool
    with _lock:
        if _pool is None:
            _pool = Pool(get_num_threads())
        return _pool


def _forget() -> None:
    """In the child of a fork: none of the parent's workers is here."""
    global _pool, _lock
    _pool, _lock = None, threading.RLock()


def _leave() -> None:
    """At the end of Python: no worker may be in native code when that is unloaded."""
    pool = _change_threads(1)
    if pool:
        pool.join(1.0)


atexit.register(_leave)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
