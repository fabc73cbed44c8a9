"""A pool of worker threads: Python threads that live in the native `serve` loop and sleep on a lock.

A worker that has seen no job for some tens of µs goes back to Python and waits for its lock; the caller
releases the lock when it posts a job. The caller is thread 0: it helps, and waits only for blocks that others
have begun.
"""

import contextlib
import ctypes
import functools
import itertools
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from convolve.runtime import jit, serve
from convolve.runtime.host import host_target, usable_cpu_numbers
from convolve.runtime.job import Job
from convolve.runtime.machine_code import made_object
from convolve.runtime.scratch import aligned, buffer, check_size

BLOCKS_PER_THREAD = 8
"""Blocks that a job is cut into for each thread: a thread that is held up leaves at most an eighth of its
share to wait for."""

SHORTEST_BLOCK_NS = 2_500.0
"""Claiming a block costs some 50 ns, so that this keeps it at 2 %."""

LONGEST_BLOCK_NS = 5e6
"""What Ctrl-C waits for at most, beyond a round: the blocks that workers have begun."""

ROUND_NS = 25e6
"""Time between two returns to Python, where Ctrl-C is noticed: measured, and held to half to twice this.
The first round of a longer job is a fifth of it by estimate, so that even a job estimated ten times too short
answers soon."""

PATIENCE = 4_000
"""Looks for a job before a worker sleeps, about 20 ns each: 80 µs, about what waking it costs."""

WALKING_PATIENCE = 50_000
"""The same while a table of jobs is walked, 1 ms: nobody wakes those who sleep in the middle, and a network's
short jobs, which one thread does alone, come in rows."""

WAKING_NS = 250_000.0
"""Work that must have met sleeping workers before they are woken. A call to wake takes 20 µs, and the worker
came up to 600 µs later, so that a short job now and then is done sooner alone; about even at 250 µs."""


_tokens = itertools.count(1)


class Native:
    """The functions of `serve`, callable from Python; each releases the GIL."""

    def __init__(self) -> None:
        target = host_target()
        text = serve.serve_ir(target.triple)
        self.library = jit.load(made_object(text, target), serve.NAMES)
        self.start = self._function("start", ctypes.c_int64, 8)
        self.help = self._function("help", ctypes.c_int64, 2)
        self.walk = self._function("walk", ctypes.c_int64, 6)
        self.walk_alone = self._function("walk_alone", None, 3)
        self.finish = self._function("finish", None, 2)
        self.serve = self._function("serve", ctypes.c_int64, 2)

    def _function(self, name: str, result: Any, arguments: int) -> Any:
        kind = ctypes.CFUNCTYPE(result, *[ctypes.c_int64] * arguments)
        return kind(self.library.addresses[name])


@functools.cache
def native() -> Native:
    """Return the native functions, compiled when they are first needed."""
    return Native()


class Pool:
    """Threads that run jobs together, the caller's own among them.

    Parameters
    ----------
    threads
        How many, with the caller. If the system refuses so many, the pool has fewer.
    """

    def __init__(self, threads: int) -> None:
        self._native = native()
        self._memory, self.address = buffer(8 * serve.word_count(threads))
        self._words = (ctypes.c_int64 * serve.word_count(threads)).from_address(self.address)
        ctypes.memset(self.address, 0, 8 * serve.word_count(threads))
        self._words[serve.PATIENCE] = PATIENCE
        self._libc = ctypes.CDLL(None)
        yield_address = ctypes.cast(self._libc.sched_yield, ctypes.c_void_p).value
        self._words[serve.YIELD] = yield_address or 0
        self.threads = 1
        self._caller, self._cpus = -1, usable_cpu_numbers()
        self._scratch: Any = None
        self._missed_ns = 0.0
        self._locks: list[threading.Lock] = []
        self._workers: list[threading.Thread] = []
        try:
            self._start_workers(threads)
        except BaseException:  # Ctrl-C too: what has been started must end
            self.stop()
            raise

    def _start_workers(self, threads: int) -> None:
        for worker in range(1, threads):
            lock = threading.Lock()
            lock.acquire()
            self._locks.append(lock)
            thread = threading.Thread(
                target=self._work, args=(worker, lock), name=f"convolve-{worker}", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:  # a limit on threads, or Python is about to end
                self._locks.pop()
                return
            self._workers.append(thread)
            self.threads += 1

    def _work(self, worker: int, lock: threading.Lock) -> None:
        """Serve and sleep in turns, until the pool stops."""
        while not self._native.serve(self.address, worker):
            lock.acquire()
            self._keep_off_the_caller()

    def _keep_off_the_caller(self) -> None:
        """Let this worker run on every CPU but that of the caller who woke it.

        Linux wakes a thread where its waker runs, and there it stayed: a worker and a caller that both never
        sleep shared one CPU for whole runs of a network (ResNet-50 on two threads 1.6 × as fast since;
        2026-11-26, AMD Zen 3).
        """
        others = self._cpus - {self._caller}
        if others and hasattr(os, "sched_setaffinity"):
            with contextlib.suppress(OSError):  # this process may have been given other CPUs meanwhile
                os.sched_setaffinity(0, others)

    def run(self, routine: int, args: int, items: int, scratch_bytes: int, cost_ns: float) -> bool:
        """Run a job; False, and nothing is done, if another call holds the pool."""
        blocks, quota = cut(items, cost_ns, self.threads)
        token = next(_tokens)
        try:
            job = (self.address, token, routine, args, items, blocks, scratch_bytes, quota)
            state = self._native.start(*job)
            if state == serve.NO_ROOM:
                self._make_room(scratch_bytes)
                state = self._native.start(*job)
            if state == serve.WAKE:
                self._missed_ns += cost_ns
                if self._missed_ns >= WAKING_NS:
                    self._missed_ns = 0.0
                    self._wake(blocks - 1)
                state = serve.MORE
            while state == serve.MORE:
                started = time.perf_counter_ns()
                state = self._native.help(self.address, quota)
                quota = next_round(quota, time.perf_counter_ns() - started)
        except BaseException:
            # Ctrl-C, most likely. Nobody may still use the caller's arrays when it goes on. The token tells
            # whether there is anything to wait for, wherever the exception came.
            self._native.finish(self.address, token)
            raise
        return bool(state == serve.DONE_ALL)

    def walk(self, table: "Table") -> bool:
        """Do the jobs of a table; False, and nothing is done, if another call holds the pool."""
        token, wake = next(_tokens), 1
        self._words[serve.PATIENCE] = WALKING_PATIENCE
        try:
            while True:
                state = self._native.walk(
                    self.address, token, table.address, table.rows, table.scratch_bytes, wake
                )
                if state == serve.NO_ROOM:
                    self._make_room(table.scratch_bytes)
                elif state == serve.WAKE:
                    self._wake(self.threads - 1)
                    wake = 0
                else:
                    return bool(state == serve.DONE_ALL)
        except BaseException:  # as in `run`
            self._native.finish(self.address, token)
            raise
        finally:
            self._words[serve.PATIENCE] = PATIENCE

    def _wake(self, helpers: int) -> None:
        """Wake sleeping workers, if the first so many are not all awake."""
        if hasattr(self._libc, "sched_getcpu"):
            self._caller = self._libc.sched_getcpu()
        for worker, lock in enumerate(self._locks[:helpers], 1):
            # An open lock is a call to wake that has not been heard yet.
            if self._words[serve.worker_word(worker)] and lock.locked():
                lock.release()

    def _make_room(self, size: int) -> None:
        """Give every thread this much scratch; only for whoever holds the pool, before a job is posted."""
        check_size(size)
        stride = aligned(size)
        self._scratch, self._words[serve.SCRATCH] = buffer(stride * self.threads)
        self._words[serve.STRIDE] = self._words[serve.CAPACITY] = stride

    def stop(self) -> None:
        """Tell the workers to leave as soon as they have nothing to do."""
        self._words[serve.STOP] = 1
        for lock in self._locks:
            if lock.locked():
                lock.release()

    def join(self, seconds: float) -> None:
        """Wait for the workers to leave, each so long at most."""
        for thread in self._workers:
            thread.join(seconds)


class Table:
    """Jobs one after the other, as native code walks them.

    Parameters
    ----------
    jobs
        Whose arguments must stay where they are; addresses in them may change between walks.
    threads
        How many share each of them.
    """

    def __init__(self, jobs: Sequence[Job], threads: int, shared_from_ns: float) -> None:
        self.rows = len(jobs)
        self.scratch_bytes = max((job.scratch_bytes for job in jobs), default=0)
        self.nanoseconds = sum(job.nanoseconds for job in jobs)
        words: list[int] = []
        for job in jobs:
            shared = threads > 1 and job.nanoseconds >= shared_from_ns
            blocks = cut(job.items, job.nanoseconds, threads)[0] if shared else 1
            words += [job.routine, job.address, job.items, blocks]
        self._memory = (ctypes.c_int64 * len(words))(*words)
        self.address = ctypes.addressof(self._memory)
        self.shared = any(blocks > 1 for blocks in words[3 :: serve.ROW_WORDS])


@functools.lru_cache(maxsize=256)
def cut(items: int, cost_ns: float, threads: int) -> tuple[int, int]:
    """Return how many blocks to cut a job into, and how many the caller does in its first round.

    >>> cut(1000, 1e6, 2), cut(1000, 1e4, 2), cut(3, 1e6, 2), cut(1000, 1e9, 2)
    ((16, 16), (4, 4), (3, 3), (200, 1))
    """
    wanted = min(BLOCKS_PER_THREAD * threads, int(cost_ns / SHORTEST_BLOCK_NS))
    blocks = max(1, min(items, max(wanted, int(cost_ns / LONGEST_BLOCK_NS)), serve.MOST_BLOCKS))
    return blocks, blocks if cost_ns < ROUND_NS else 1


def next_round(size: int, took_ns: float) -> int:
    """Return how many blocks or items to do in the next round, from what the last one of `size` took.

    >>> next_round(8, 1e6), next_round(8, ROUND_NS), next_round(8, 1e9)
    (16, 8, 4)
    """
    if took_ns < ROUND_NS / 2:
        return size * 2
    return max(1, size // 2) if took_ns > ROUND_NS * 2 else size
