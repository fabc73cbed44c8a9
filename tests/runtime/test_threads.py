"""The thread pool does every item exactly once, whoever calls it and however many threads there are."""

import ctypes
import math
import signal
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from convolve.errors import TooLargeError
from convolve.runtime import pool, serve, threads
from convolve.runtime.scratch import MOST_SCRATCH
from tests import seeds
from tests.runtime.counting import SPOILT, Job

COUNTS = (1, 2, 3, 7, 16)
COSTS = (0.0, 100.0, 9_999.0, 10_000.0, 3e4, 3e5, 1e8, 1e10)
"""Estimates on both sides of every threshold; none of them need be true."""

ROUTINE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


@pytest.fixture(autouse=True)
def same_number_after() -> Iterator[None]:
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


def random_job(random: np.random.Generator) -> Job:
    return Job(int(random.integers(0, 200)), int(random.choice([1, 1, 10, 300])))


@pytest.mark.parametrize("count", COUNTS)
def test_each_item_is_done_once(count: int) -> None:
    random = seeds.generator(count, 1)
    threads.set_num_threads(count)
    for _ in range(2000):
        job = random_job(random)
        size = int(random.choice([8, 64, 100, 5000, 70_000]))
        job.run(threads.run, float(random.choice(COSTS)), size)
        assert job.counts() <= {1}


def test_late_workers_and_short_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that sleep at once come late to almost every job, which is the protocol's hard case."""
    monkeypatch.setattr(pool, "PATIENCE", 1)
    monkeypatch.setattr(pool, "WAKING_NS", 0.0)
    random = seeds.generator(2)
    crew = pool.Pool(4)
    for _ in range(5000):
        job = random_job(random)
        job.run(crew.run, 2e4)
        assert job.counts() <= {1}
    crew.stop()
    crew.join(60)


def test_the_test_routine_notices() -> None:
    job = Job(10)
    job.run(threads.run, 0.0)
    job.run(threads.run, 0.0)
    assert job.counts() == {2}
    shared = np.zeros(8, np.int64)  # one scratch for two threads at once
    calls = [threading.Thread(target=spoil, args=(shared, job)) for job in (Job(4, 10**7), Job(4, 10**7))]
    spoilt = Job(40, 10**6)
    for call in calls:
        call.start()
    threads._releasing(spoilt.routine)(spoilt.args, 0, spoilt.items, shared.ctypes.data)
    for call in calls:
        call.join()
    assert max(spoilt.counts()) >= SPOILT


def spoil(shared: np.ndarray, job: Job) -> None:
    threads._releasing(job.routine)(job.args, 0, job.items, shared.ctypes.data)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_many_callers(count: int) -> None:
    threads.set_num_threads(count)
    wrong: list[set[int]] = []

    def call(number: int) -> None:
        random = seeds.generator(count, number)
        for _ in range(300):
            job = random_job(random)
            job.run(threads.run, float(random.choice(COSTS)))
            if not job.counts() <= {1}:
                wrong.append(job.counts())

    callers = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert wrong == []


def test_changing_the_number_while_others_call() -> None:
    wrong: list[set[int]] = []
    ended = threading.Event()

    def call() -> None:
        random = seeds.generator(3)
        while not ended.is_set():
            job = random_job(random)
            job.run(threads.run, 3e4)
            if not job.counts() <= {1}:
                wrong.append(job.counts())

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for count in (2, 3, 1, 4, 2) * 4:
        threads.set_num_threads(count)
        Job(50).run(threads.run, 3e4)
    ended.set()
    for caller in callers:
        caller.join()
    assert wrong == []


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_routine_that_calls(count: int) -> None:
    threads.set_num_threads(count)
    inner = [Job(30) for _ in range(40)]

    def nested(args: int, begin: int, end: int, scratch: int) -> None:
        for job in inner[begin:end]:
            job.run(threads.run, 3e4)

    function = ROUTINE(nested)
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address
    threads.run(address, 0, len(inner), 0, 1e6)
    assert [job.counts() for job in inner] == [{1}] * len(inner)


def test_a_signal_handler_that_calls() -> None:
    """The handler runs between two rounds of its own thread's job, which holds the pool."""
    threads.set_num_threads(2)
    outer, inner = Job(4000, 100_000), Job(100)

    def handle(number: int, frame: object) -> None:
        inner.run(threads.run, 1e5, 100_000)

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        timer = threading.Timer(0.02, signal.raise_signal, [signal.SIGUSR1])
        timer.start()
        outer.run(threads.run, 1e10)
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert inner.counts() == outer.counts() == {1}


def test_an_exception_between_rounds_waits_for_blocks_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    crew = pool.Pool(3)
    help_once = crew._native.help

    def interrupted(words: int, quota: int) -> int:
        help_once(words, 1)
        raise KeyboardInterrupt

    partial = 0
    for _ in range(50):
        job = Job(1000, 100_000)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(crew._native, "help", interrupted)
            job.run(crew.run, 1e10)
        cells = list(job.cells)
        Job(10).run(crew.run, 2e4)  # the pool is free again
        assert list(job.cells) == cells
        assert set(cells) <= {0, 1}
        partial += 0 in cells
    assert partial  # a worker may finish a whole job while the caller is held up, but not each time
    assert crew._words[serve.OWNER] == 0
    crew.stop()
    crew.join(60)


def test_scratch_is_aligned_and_each_thread_has_its_own() -> None:
    threads.set_num_threads(3)
    seen: dict[int, set[int]] = {}

    def look(args: int, begin: int, end: int, scratch: int) -> None:
        seen.setdefault(scratch, set()).add(threading.get_native_id())

    function = ROUTINE(look)
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address
    for cost in (1.0, 3e4, 1e6):
        for size in (1, 65, 4097):
            threads.run(address, 0, 60, size, cost)
    assert all(at % 64 == 0 for at in seen)
    assert max(map(len, seen.values())) == 1


@pytest.mark.parametrize("cost", [1.0, 1e6])
def test_too_much_scratch_is_refused_and_the_pool_goes_on(cost: float) -> None:
    threads.set_num_threads(2)
    for size in (MOST_SCRATCH + 1, 1 << 60):
        with pytest.raises(TooLargeError, match=f"{size} were asked for, .* pass algorithm='reference'"):
            Job(10).run(threads.run, cost, size)
    job = Job(10)
    job.run(threads.run, cost)
    assert job.counts() == {1}


def test_no_memory_for_scratch(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise MemoryError

    threads.set_num_threads(2)
    monkeypatch.setattr(np, "empty", refuse)
    with pytest.raises(TooLargeError, match="123456789 bytes .* fewer threads"):
        Job(10).run(threads.run, 1.0, 123456789)


@pytest.mark.parametrize("cost", [1.0, 1e5, 1e11])
def test_blocks_cover_all_items(cost: float) -> None:
    for items in (1, 2, 99, 10**9):
        for count in (2, 16):
            blocks, quota = pool.cut(items, cost, count)
            assert 1 <= quota <= blocks <= min(items, serve.MOST_BLOCKS)
            assert math.ceil(items / blocks) * cost / items <= pool.LONGEST_BLOCK_NS * 2 or blocks == items
