"""The machine's limits are measured when asked for, never before, and what is measured is what is said."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.runtime import peaks
from convolve.runtime.host import host_target


@pytest.fixture(autouse=True)
def measured_anew() -> Iterator[None]:
    """Forget measurements before and after each test."""
    for one in (peaks.fma_peak, peaks.copy_bandwidth):
        one.cache_clear()
    yield
    for one in (peaks.fma_peak, peaks.copy_bandwidth):
        one.cache_clear()


QUIET = """
import numpy as np, convolve
planned = convolve.plan((1, 3, 9, 9), (4, 3, 3, 3))
str(planned), repr(planned), planned.plan, planned.routine
planned.bind(np.ones((4, 3, 3, 3), "f4"))(np.ones((1, 3, 9, 9), "f4"))
from convolve.runtime import peaks
print(peaks.fma_peak.cache_info().currsize + peaks.copy_bandwidth.cache_info().currsize)
planned.limit
print(peaks.fma_peak.cache_info().currsize + peaks.copy_bandwidth.cache_info().currsize)
"""


def test_nothing_is_measured_before_it_is_asked_for() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", QUIET], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "0\n2\n"), done.stderr


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_the_peak_is_possible(dtype: str) -> None:
    """Between a slow emulator's and that of 4 multiply-adds of a whole vector at 10 GHz."""
    most = 4 * 2 * host_target().lanes(np.dtype(dtype).itemsize) * 10e9
    assert 1e6 < peaks.fma_peak(dtype) < most


def test_the_bandwidth_is_possible() -> None:
    for threads in (1, 2):
        assert 1e6 < peaks.copy_bandwidth(threads) < 10e12


def test_the_limit_is_that_of_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peaks, "fma_peak", lambda *_: 1e9)
    monkeypatch.setattr(peaks, "copy_bandwidth", lambda threads: 1e8 + threads)
    before = convolve.get_num_threads()
    try:
        for threads in (1, 3):
            convolve.set_num_threads(threads)
            limit = convolve.plan((1, 64, 9, 9), (64, 64, 3, 3)).limit
            assert (limit.flops_per_second, limit.bytes_per_second) == (threads * 1e9, 1e8 + threads)
    finally:
        convolve.set_num_threads(before)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_the_loop_multiplies_and_adds_as_often_as_is_counted(dtype: str) -> None:
    """Each chain starts at 0 and becomes x·a + x: with x = 1 it counts the rounds."""
    lanes = host_target().lanes(np.dtype(dtype).itemsize)
    numbers = np.ones((peaks.CHAINS, lanes), dtype)
    peaks.Rounds(dtype, "fma", numbers).run(1000)
    assert (numbers == 1000).all()


@pytest.mark.skipif(not host_target().dots, reason="this CPU multiplies no bytes by fours")
def test_bytes_are_multiplied_by_fours() -> None:
    lanes = host_target().lanes(4)
    numbers = np.full((peaks.CHAINS, lanes), 0x01010101, np.int32)
    peaks.Rounds("int32", "dot", numbers).run(1000)
    assert (numbers == 4000).all()
    assert peaks.fma_peak("int32", "dot") > peaks.fma_peak("int32")


def test_a_plan_of_integers_has_a_limit() -> None:
    for dtypes in (("uint8", "int8"), ("int32", "int32"), ("int64", "int64")):
        planned = convolve.plan((1, 64, 9, 9), (64, 64, 3, 3), dtype=dtypes[0], weight_dtype=dtypes[1])
        assert 0 < planned.limit.seconds <= planned.expected


def test_the_shortest_time_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(
        [0.0, 9.0, 9.0, 11.0, 11.0, 16.0, *[value for _ in range(peaks.REPEATS) for value in (20, 99)]]
    )
    monkeypatch.setattr(peaks.time, "perf_counter", lambda: next(clock))
    calls: list[int] = []
    assert peaks._quickest(lambda: calls.append(1)) == 2.0
    assert len(calls) == peaks.REPEATS + 1


def test_the_limit_is_the_larger_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = convolve.plan((1, 64, 56, 56), (64, 64, 3, 3), padding=1)

    def limit(peak: float, bandwidth: float) -> Any:
        monkeypatch.setattr(peaks, "fma_peak", lambda *_: peak / planned._asked.threads)
        monkeypatch.setattr(peaks, "copy_bandwidth", lambda _threads: bandwidth)
        planned.__dict__.pop("limit", None)
        return planned.limit

    flops, moved = planned.plan.flops, planned.plan.bytes_moved
    slow, starved = limit(flops / 2, moved * 1.0), limit(flops * 1.0, moved / 3)
    assert (slow.bound, slow.seconds) == ("multiply-adds", pytest.approx(2))
    assert (starved.bound, starved.seconds) == ("memory", pytest.approx(3))
