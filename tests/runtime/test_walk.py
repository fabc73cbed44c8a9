"""Tables of jobs: all are done, in order, whoever shares them, and the pool is free again afterwards."""

import ctypes
import itertools
import threading
from typing import Any

import numpy as np
import pytest

from convolve.compiler.expressions import Expression
from convolve.runtime import pool, serve, threads
from convolve.runtime.execution import address_of
from convolve.runtime.job import Job
from convolve.runtime.pointwise import point_job
from convolve.runtime.pool import Pool, Table

PLUS_ONE = Expression.of(lambda write, x: write("add", x, 1.0))


def chain(length: int, size: int) -> tuple[list[Job], list[Any]]:
    """Return jobs of which each adds 1 to what the one before it wrote, and their arrays."""
    arrays = [np.zeros(size, np.float32) for _ in range(length + 1)]
    jobs = []
    for before, after in itertools.pairwise(arrays):
        job = point_job(PLUS_ONE, [before], after)
        assert job is not None
        job.point("input0", address_of(before))
        job.point("output", address_of(after))
        jobs.append(job)
    return jobs, arrays


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_every_job_sees_what_those_before_it_wrote(count: int) -> None:
    jobs, arrays = chain(30, 200_000)
    table = Table(jobs, count, 0.0)
    assert table.shared == (count > 1)
    shared = Pool(count)
    try:
        for _ in range(20):
            for array in arrays[1:]:
                array.fill(np.nan)
            assert shared.walk(table)
            assert all((array == number).all() for number, array in enumerate(arrays))
            assert ctypes.c_int64.from_address(shared.address + 8 * serve.OWNER).value == 0
    finally:
        shared.stop()
        shared.join(5.0)


def test_short_jobs_are_done_by_the_caller_alone() -> None:
    jobs, arrays = chain(3, 10)
    table = Table(jobs, 4, 1e9)
    assert not table.shared
    threads.walk(table)
    assert arrays[-1].tolist() == [3.0] * 10


def test_whoever_finds_the_pool_taken_walks_alone() -> None:
    before = threads.get_num_threads()
    threads.set_num_threads(3)
    try:
        done = []

        def work() -> None:
            jobs, arrays = chain(40, 100_000)
            table = Table(jobs, 3, 0.0)
            for _ in range(10):
                arrays[-1].fill(0)
                threads.walk(table)
                done.append(bool((arrays[-1] == 40).all()))

        callers = [threading.Thread(target=work) for _ in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert done == [True] * 40
    finally:
        threads.set_num_threads(before)


def test_scratch_is_made_for_the_job_that_needs_most() -> None:
    jobs, arrays = chain(2, 1000)
    jobs[1].scratch_bytes = 3 << 20
    shared = Pool(2)
    try:
        assert shared.walk(Table(jobs, 2, 0.0))
        assert ctypes.c_int64.from_address(shared.address + 8 * serve.CAPACITY).value >= 3 << 20
        assert arrays[-1].tolist() == [2.0] * 1000
    finally:
        shared.stop()
        shared.join(5.0)


def test_an_exception_leaves_the_pool_free(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, arrays = chain(2, 1000)
    table = Table(jobs, 2, 0.0)
    shared = Pool(2)
    try:

        def interrupted(_self: Pool, _size: int) -> None:
            raise KeyboardInterrupt

        table.scratch_bytes = 1 << 20
        with monkeypatch.context() as patch:
            patch.setattr(Pool, "_make_room", interrupted)
            with pytest.raises(KeyboardInterrupt):
                shared.walk(table)
        assert ctypes.c_int64.from_address(shared.address + 8 * serve.PATIENCE).value == pool.PATIENCE
        assert shared.walk(table)
        assert arrays[-1].tolist() == [2.0] * 1000
    finally:
        shared.stop()
        shared.join(5.0)
