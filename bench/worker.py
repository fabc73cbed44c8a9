"""One library in a process of its own: told a shape, it picks its fastest way and is timed in turns."""

import contextlib
import importlib
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from bench import shapes
from bench.shapes import Array, Shape
from bench.variant import MODES, PLAIN, NotOfferedError, Variant

IDLE = 0.005
"""Seconds of rest before a turn."""

MOST_SPINNING = 1.0
"""Seconds after a turn by which a library's threads must have fallen asleep: ONNX Runtime's spin for 40 to 60
ms, PyTorch's for 12 (2026-11-23). Whoever came next had one core instead of two."""

ASLEEP = 0.1
"""Part of a core that a process with sleeping threads may use, asking for its own time."""

TURN = 0.020
"""Seconds of calls in a turn, at least."""

SLOW = 1.0
"""A call of more seconds than this is its whole turn."""

TRIAL_CALLS = 5
TRIAL = 0.1
"""Calls, and about the seconds, by which the fastest of several ways is found."""

TOLERANCE = 1e-4
"""Relative error beyond which a result is wrong and is not timed."""


def serve(connection: Connection, peer: str, threads: int) -> None:
    """Answer requests until the other end is closed; each answer is ("done", value) or ("failed", words)."""
    worker: Worker | None = None
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            name, *arguments = connection.recv()
            try:
                worker = worker or Worker(peer, threads)
                connection.send(("done", getattr(worker, name)(*arguments)))
            except NotOfferedError as error:
                connection.send(("not offered", str(error)))
            except Exception as error:
                connection.send(("failed", f"{type(error).__name__}: {error}"))


class Worker:
    """A library that is set up, and the ways in which it computes the shape at hand."""

    def __init__(self, peer: str, threads: int) -> None:
        self._library: Any = importlib.import_module(f"bench.peers.{peer}")
        self._library.setup(threads)
        self._variants: list[Variant] = []

    def version(self) -> str:
        """Return the library's version."""
        return str(self._library.version())

    def machine(self) -> dict[str, Any]:
        """Return the machine's limits; only our own library measures them."""
        limits: dict[str, Any] = self._library.machine()
        return limits

    def prepare(self, shape: Shape, truth: str | None) -> dict[str, Any]:
        """Try every way to compute a shape; return each one's time and error, and the best for each mode."""
        self._variants = []
        self._variants = self._library.variants(shape, shapes.data(shape))
        expected = None if truth is None else np.load(truth, mmap_mode="r")
        tried = [try_out(one, expected) for one in self._variants]
        return {"tried": tried, "chosen": choose(tried)}

    def save(self, index: int, path: str) -> None:
        """Write a way's result, which the others are compared with."""
        variant = self._variants[index]
        np.save(path, variant.read(variant.call()))

    def turn(self, index: int) -> tuple[float, list[float]]:
        """Rest, then call for a while; return the seconds of the first call, and of the others.

        The turn ends when the library's threads are asleep.
        """
        time.sleep(IDLE)
        times = turn(self._variants[index].call)
        fall_asleep()
        return times


def fall_asleep() -> float:
    """Wait until no thread of this process runs any more; return the seconds that it took."""
    start = time.perf_counter()
    while (waited := time.perf_counter() - start) < MOST_SPINNING:
        before = time.process_time()
        time.sleep(IDLE)
        if time.process_time() - before < ASLEEP * IDLE:
            return waited
    raise RuntimeError(f"its threads still ran {MOST_SPINNING:g} s after its last call")


def turn(call: Callable[[], Any], seconds: float = TURN) -> tuple[float, list[float]]:
    """Call until the time is over; return the first call's seconds, and those of the others."""
    first = _timed(call)
    if first > SLOW:
        return first, [first]
    times = [_timed(call)]
    left = seconds - first
    while sum(times) < left:
        times.append(_timed(call))
    return first, times


def try_out(variant: Variant, expected: Array | None) -> dict[str, Any]:
    """Return a way's name, seconds and relative error."""
    start = time.perf_counter()
    result = variant.read(variant.call())
    error = None if expected is None else relative_error(result, expected)
    times: list[float] = []
    if time.perf_counter() - start > SLOW:
        times.append(time.perf_counter() - start)
    while not times or (len(times) < TRIAL_CALLS and sum(times) < TRIAL):
        times.append(_timed(variant.call))
    return {"mode": variant.mode, "name": variant.name, "seconds": min(times), "error": error}


def choose(tried: list[dict[str, Any]]) -> dict[str, int]:
    """Return for each mode the fastest way whose result is right."""
    chosen = {}
    for mode in MODES:
        modes = (mode,) if mode == "out" else (mode, PLAIN)
        right = [
            index for index, one in enumerate(tried)
            if one["mode"] in modes and (one["error"] is None or one["error"] <= TOLERANCE)
        ]  # fmt: skip
        if right:
            chosen[mode] = min(right, key=lambda index: float(tried[index]["seconds"]))
    return chosen


def relative_error(result: Array, expected: Array) -> float:
    """Return the length of the difference by the length of what was expected; infinite for another shape."""
    if result.shape != expected.shape:
        return float("inf")
    difference = np.subtract(result, expected, dtype="d")
    error = np.linalg.norm(difference.ravel()) / np.linalg.norm(np.asarray(expected, "d").ravel())
    return float(error) if np.isfinite(error) else float("inf")


def _timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
