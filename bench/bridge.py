"""PyTorch modules as they are and accelerated: ``python -m bench.bridge [cases...]``.

Cases are the rows of ``bridge_cases.csv``; what comes out is printed, and kept in ``bridge.csv``. Each
contender has a process of its own, and they take turns; the median of the turns counts. Each side may choose
its memory format, and on several threads whether OpenMP's waiting threads spin: PyTorch's keep a core busy
for 12 ms after every operation, which is in the way of whoever comes next. On one thread its CPU time is
measured, which is the same where nothing else runs. Results are compared before anything is timed.
"""

import csv
import datetime
import math
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from bench.torch_networks import NETWORKS
from bench.worker import fall_asleep
from convolve import set_num_threads
from convolve.bridges.torch import accelerate
from convolve.runtime.host import host_target

TURNS, TURN_SECONDS = 7, 0.1
TOLERANCE = {"inference": 1e-4, "training": 1e-3}
"""Largest relative error (L2) of the result, or of the loss after a step: two libraries round differently."""

FOLDER = Path(__file__).parent
FORMATS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}
RESULTS = FOLDER / "bridge.csv"


class Contender(NamedTuple):
    """Who computes, and in which way."""

    ours: bool
    format: str
    waiting: str

    def __str__(self) -> str:
        return f"{'ours' if self.ours else 'PyTorch'}: {self.way}"

    @property
    def way(self) -> str:
        """What may be chosen."""
        return f"{self.format}, {self.waiting}" if self.waiting else self.format


def contenders(threads: int) -> list[Contender]:
    """Return all, PyTorch as it is first."""
    waiting = ("spinning", "passive") if threads > 1 else ("",)
    return [Contender(ours, form, way) for ours in (False, True) for form in FORMATS for way in waiting]


@dataclass(frozen=True)
class Case:
    """One row of the file."""

    network: str
    mode: str
    batch: int
    channels: int
    size: int

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.network}.{self.mode}.b{self.batch}"


def load() -> list[Case]:
    """Return the rows of the file."""
    with (FOLDER / "bridge_cases.csv").open(encoding="utf-8") as file:
        return [
            Case(row["network"], row["mode"], int(row["batch"]), int(row["channels"]), int(row["size"]))
            for row in csv.DictReader(file)
        ]


def work(case: Case, contender: Contender) -> Callable[[], Any]:
    """Return what a contender does again and again."""
    torch.manual_seed(0)
    network = NETWORKS[case.network]().to(memory_format=FORMATS[contender.format])
    images = torch.randn(case.batch, case.channels, case.size, case.size)
    images = images.contiguous(memory_format=FORMATS[contender.format])
    if contender.ours:
        accelerate(network)
    return inference(network, images) if case.mode == "inference" else training(network, images)


def inference(network: torch.nn.Module, images: torch.Tensor) -> Callable[[], Any]:
    """Return a call without gradients."""
    network.eval()

    def run() -> Any:
        with torch.inference_mode():
            return network(images).numpy()

    return run


def training(network: torch.nn.Module, images: torch.Tensor) -> Callable[[], Any]:
    """Return a step of SGD on the mean square of the result."""
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-4)

    def run() -> Any:
        optimiser.zero_grad()
        loss = network(images).square().mean()
        loss.backward()
        optimiser.step()
        return np.array(loss.item())

    return run


WORK: dict[str, Callable[[], Any]] = {}
"""In a worker process: what it does."""


def start(case: Case, contender: Contender, threads: int) -> None:
    """Make a worker ready."""
    torch.set_num_threads(threads)
    set_num_threads(threads)
    WORK["run"] = work(case, contender)


def first() -> Any:
    """Return the result of the third call: weights are packed in the second, and both steps count."""
    return [WORK["run"]() for _ in range(3)][-1]


def turn() -> float:
    """Return the median seconds of a turn's calls, the first left out."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    WORK["run"]()
    times: list[float] = []
    while sum(times) < TURN_SECONDS:
        begun = clock()
        WORK["run"]()
        times.append(clock() - begun)
    fall_asleep()
    return statistics.median(times)


def process(case: Case, contender: Contender, threads: int) -> Any:
    """Return a process that is ready; OpenMP reads how to wait when it starts."""
    os.environ.pop("OMP_WAIT_POLICY", None)
    if contender.waiting == "passive":
        os.environ["OMP_WAIT_POLICY"] = "passive"
    return multiprocessing.get_context("spawn").Pool(1, start, (case, contender, threads))


def medians(case: Case, threads: int) -> dict[Contender, float]:
    """Return the median milliseconds of each contender; none of them may be wrong."""
    pools = {one: process(case, one, threads) for one in contenders(threads)}
    try:
        results = {one: pool.apply(first) for one, pool in pools.items()}
        wanted = next(iter(results.values()))
        for one, result in results.items():
            error = float(np.linalg.norm(result - wanted) / np.linalg.norm(wanted))
            if not error <= TOLERANCE[case.mode]:
                raise SystemExit(f"{case.name}: {one} differs from PyTorch by {error:.1e}")
        turns = [{one: pool.apply(turn) for one, pool in pools.items()} for _ in range(TURNS)]
    finally:
        for pool in pools.values():
            pool.terminate()
    return {one: 1000 * statistics.median(times[one] for times in turns) for one in pools}


def measured(case: Case, threads: int) -> dict[str, Any]:
    """Return a row of the results."""
    times = medians(case, threads)
    print("; ".join(f"{one} {time:.1f}" for one, time in times.items()), flush=True)
    theirs, ours = (
        min((one for one in times if one.ours == is_ours), key=lambda one: times[one])
        for is_ours in (False, True)
    )
    return {
        "case": case.name, "size": case.size, "threads": threads, "PyTorch ms": f"{times[theirs]:.2f}",
        "PyTorch's way": theirs.way, "our ms": f"{times[ours]:.2f}", "our way": ours.way,
        "ratio": f"{times[theirs] / times[ours]:.2f}",
        "measured": f"{datetime.date.today()}, {host_target().name}, PyTorch {torch.__version__}",
    }  # fmt: skip


def keep(new: dict[str, Any]) -> list[dict[str, Any]]:
    """Put a row into the file, in the order of the cases, and return all rows."""
    rows = list(csv.DictReader(RESULTS.open(encoding="utf-8"))) if RESULTS.exists() else []
    kept = {(row["case"], int(row["threads"])): row for row in (*rows, new)}
    wanted = [(case.name, threads) for case in load() for threads in (1, 2)]
    rows = [kept[key] for key in wanted if key in kept]
    with RESULTS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(new), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return rows


def main() -> None:
    """Measure the cases that are named, or all; print them and keep them."""
    rows: list[dict[str, Any]] = []
    for case in load():
        if sys.argv[1:] and not any(part in case.name for part in sys.argv[1:]):
            continue
        for threads in (1, 2):
            rows = keep(measured(case, threads))
    for row in rows:
        print("  ".join(str(value) for value in row.values()))
    for mode in sorted({row["case"].split(".")[1] for row in rows}):
        ratios = [float(row["ratio"]) for row in rows if mode in row["case"]]
        print(f"{mode}: geometric mean {math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f} ×")


if __name__ == "__main__":
    main()
