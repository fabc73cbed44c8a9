"""Runs shapes against all peers: each in a process of its own, in turns, one after the other."""

import importlib.util
import multiprocessing
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.shapes import Shape
from bench.worker import serve

OURS = "ours"
MODULES = {"opencv": "cv2", "ours": "convolve"}
"""The module of a peer that is not called like it."""

MOST_SECONDS = 2.0
"""Seconds of turns after which a library is not asked for another one, however few it had."""

HELD_TO_AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2", "CONVOLVE_TARGET": "avx2",
    "OPENCV_CPU_DISABLE": "AVX512F,AVX512-COMMON,AVX512-SKX",
}  # fmt: skip
"""What holds everybody to AVX2 who can be held."""

HOPELESS = 5.0
"""A library whose trial took this many times the fastest one's gets a single turn: it cannot be the best."""

IMAGE_LIBRARIES = ("ours", "opencv", "scipy")
MOST_STENCIL_FLOPS = 10e9
"""A filter of more work than this is left to image libraries, which have ways around it: libraries of
networks go through filters of one channel tap by tap, for half a minute a call."""

CAN_BE_HELD = ("ours", "torch", "openvino", "opencv", "scipy")
Record = dict[str, Any]


class PeerError(Exception):
    """A library could not do what it was asked for; ``offered`` is False if it never can."""

    def __init__(self, words: str, offered: bool) -> None:
        super().__init__(words)
        self.offered = offered


class Process:
    """A library in its process, as the runner sees it."""

    def __init__(self, peer: str, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.peer = peer
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, peer, threads), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, *request: Any) -> Any:
        """Have something done and return what came of it."""
        try:
            self._connection.send(request)
            outcome, value = self._connection.recv()
        except (EOFError, OSError):
            raise PeerError("its process ended", True) from None
        if outcome != "done":
            raise PeerError(value, outcome != "not offered")
        return value

    def end(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()


def is_installed(peer: str) -> bool:
    """Whether a peer's module is there."""
    return importlib.util.find_spec(MODULES.get(peer, peer)) is not None


@contextmanager
def processes(peers: Sequence[str], threads: int, avx2: bool) -> Iterator[list[Process]]:
    """Start the peers' processes, with the environment that they read when they are imported."""
    changes = {"OMP_NUM_THREADS": str(threads), **(HELD_TO_AVX2 if avx2 else {})}
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        started = [Process(peer, threads) for peer in peers]
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    try:
        yield started
    finally:
        for one in started:
            one.end()


def measure(shape: Shape, peers: Sequence[Process], turns: int) -> Record:
    """Return what every peer needed for a shape, or why it was left out: peer -> record."""
    records: dict[str, Record] = {}
    with tempfile.TemporaryDirectory() as folder:
        truth = None
        for one in peers:
            try:
                if not is_worth_it(one.peer, shape):
                    raise PeerError("far too slow for this filter", False)
                records[one.peer] = one.ask("prepare", shape, truth)
                if one.peer == OURS:
                    truth = str(Path(folder) / "ours.npy")
                    one.ask("save", records[OURS]["chosen"]["bound"], truth)
            except PeerError as error:
                records[one.peer] = {"skipped" if not error.offered else "failed": str(error)}
            if one.peer == OURS and truth is None:
                return records
    able = [one for one in peers if records[one.peer].get("chosen")]
    chosen = {one.peer: records[one.peer]["chosen"] for one in able}
    times = take_turns(able, chosen, hopeless(records), turns)
    for one in able:
        record = records[one.peer]
        record["modes"] = {
            mode: {"variant": record["tried"][index]["name"], **summary(*times[one.peer, index])}
            for mode, index in record.pop("chosen").items()
            if times[one.peer, index][0]
        }
    return records


def is_worth_it(peer: str, shape: Shape) -> bool:
    """Whether a peer computes a shape in seconds."""
    return peer in IMAGE_LIBRARIES or not shape.is_stencil or shape.flops <= MOST_STENCIL_FLOPS


def hopeless(records: dict[str, Record]) -> dict[str, set[int]]:
    """Return the ways of each peer that are far from being the fastest."""
    seconds = {
        (peer, index): float(record["tried"][index]["seconds"])
        for peer, record in records.items()
        for index in record.get("chosen", {}).values()
    }
    limit = HOPELESS * min((time for (peer, _), time in seconds.items() if peer != OURS), default=0.0)
    found: dict[str, set[int]] = {}
    for (peer, index), time in seconds.items():
        if peer != OURS and time > limit:
            found.setdefault(peer, set()).add(index)
    return found


Times = tuple[list[float], list[list[float]]]


def take_turns(
    peers: Sequence[Process], chosen: dict[str, dict[str, int]], hopeless: dict[str, set[int]], turns: int
) -> dict[tuple[str, int], Times]:
    """Time all ways of all peers in turns; return first calls, and each turn's others, of each way."""
    times: dict[tuple[str, int], Times] = {
        (one.peer, index): ([], []) for one in peers for index in chosen[one.peer].values()
    }
    by_name = {one.peer: one for one in peers}
    for number in range(turns):
        for (peer, index), (firsts, others) in times.items():
            if sum(map(sum, others)) > MOST_SECONDS or (number and index in hopeless.get(peer, ())):
                continue
            try:
                first, rest = by_name[peer].ask("turn", index)
            except PeerError as error:
                sys.stderr.write(f"{peer}: {error}\n")
                continue
            firsts.append(first)
            others.append(rest)
    return times


def summary(firsts: Sequence[float], turns: Sequence[Sequence[float]]) -> Record:
    """Return the figures of a way: seconds of the median call, of the tenth percentile, of first calls."""
    calls = sorted(one for turn in turns for one in turn)
    return {
        "median": statistics.median(calls),
        "p10": calls[len(calls) // 10],
        "first": statistics.median(firsts),
        "calls": len(calls),
        "turns": [statistics.median(turn) for turn in turns],
    }
