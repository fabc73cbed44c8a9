"""The networks of the onnx wheel, with drawn weights: ``python -m bench.networks [parts of names...]``.

Ours, and ours by the direct method alone, beside ONNX Runtime and PyTorch (`bench.network_contenders`). Each
contender has a process of its own, kept to one CPU for one thread, and they take turns. Times are the median
of the turns; ratios the median over the turns of the better peer's time by ours. Results are compared before
anything is timed. Rows are printed, and kept in ``networks.csv``, one after the other; ``--resume`` goes on
where a run was interrupted. ``--start`` measures the way to the first result instead
(``networks_start.csv``), ``--profile`` shows where the time of one network goes.
"""

import argparse
import csv
import datetime
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from bench import figures, network_profile, network_start, results
from bench.network_contenders import MAKERS, PEERS, Run, image, keep_to_one_cpu, model
from bench.worker import fall_asleep

NAMES = (
    "squeezenet", "shufflenet", "inception_v1", "inception_v2", "resnet50", "densenet121", "zfnet512",
    "bvlc_alexnet", "vgg19",
)  # fmt: skip
BATCHES, THREADS = (1, 16), (1, 2)
TURNS, TURN_SECONDS = 5, 0.3
QUICK_TURNS, QUICK_SECONDS = 2, 0.1
TOLERANCE = 1e-4
"""Largest difference from ONNX Runtime, of its largest result."""

FOLDER = Path(__file__).parent
RESULTS, STARTS = FOLDER / "networks.csv", FOLDER / "networks_start.csv"
KEYS = ("network", "batch", "threads")
"""What a row of ``networks.csv`` is known by."""

Row = dict[str, str]
WORK: dict[str, Run] = {}
"""In a worker process: what it does."""


def start(contender: str, path: Path, batch: int, threads: int) -> None:
    """Make a worker ready."""
    if threads == 1:
        keep_to_one_cpu()
    WORK["run"] = MAKERS[contender](path, threads, image(batch))


def first() -> Any:
    """Return the result of the second call."""
    return [WORK["run"]() for _ in range(2)][-1]


def turn(seconds: float) -> float:
    """Return the median seconds of a turn's calls; the first one is left out where there are others."""
    times: list[float] = []
    while not times or sum(times) < seconds:
        begun = time.perf_counter()
        WORK["run"]()
        times.append(time.perf_counter() - begun)
    fall_asleep()
    return statistics.median(times[1:] or times)


@contextmanager
def workers(*given: Any) -> Iterator[dict[str, ProcessPoolExecutor]]:
    """Start a process for each contender; one that dies is an error, and nobody waits for it."""
    made = {one: ProcessPoolExecutor(1, get_context("spawn")) for one in MAKERS}
    try:
        for one, pool in made.items():
            pool.submit(start, one, *given).result()
        yield made
    finally:
        for pool in made.values():
            pool.shutdown(cancel_futures=True)


def times(name: str, batch: int, threads: int, quick: bool) -> dict[str, list[float]]:
    """Return each contender's milliseconds in each turn; none of them may be wrong."""
    turns, seconds = (QUICK_TURNS, QUICK_SECONDS) if quick else (TURNS, TURN_SECONDS)
    with workers(model(name), batch, threads) as pools:
        compare({one: pool.submit(first).result() for one, pool in pools.items()})
        rounds = [
            {one: 1e3 * pool.submit(turn, seconds).result() for one, pool in pools.items()}
            for _ in range(turns)
        ]
    return {one: [each[one] for each in rounds] for one in MAKERS}


def compare(found: dict[str, Any]) -> None:
    """Refuse results that are not ONNX Runtime's."""
    wanted = found["ONNX Runtime"]
    for one, result in found.items():
        error = float(np.abs(result - wanted).max() / np.abs(wanted).max())
        if not error <= TOLERANCE:
            raise RuntimeError(f"{one} differs from ONNX Runtime by {error:.1e}, more than {TOLERANCE:.0e}")


def row(name: str, batch: int, threads: int, found: dict[str, list[float]]) -> Row:
    """Return a row of the results."""
    cells = {"network": name, "batch": str(batch), "threads": str(threads)}
    cells |= {f"{one} ms": f"{statistics.median(turns):.2f}" for one, turns in found.items()}
    for contender, title in (("ours", "ratio"), ("direct", "direct ratio")):
        best = min(figures.ratio(found[peer], found[contender]) for peer in PEERS)
        cells[title] = f"{best:.2f}"
    return cells


def measured() -> str:
    """Return when, where and beside which versions: the last cell of each row."""
    from convolve.runtime.host import host_target

    peers = f"ONNX Runtime {version('onnxruntime')}, PyTorch {version('torch')}"
    return f"{datetime.date.today()}, {results.cpu()}, {host_target().name}, {peers}"


def read(path: Path) -> list[Row]:
    """Return the rows of a file; none if it is not there."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def keep(path: Path, new: Row, keys: Sequence[str]) -> list[Row]:
    """Put a row into a file, in the order of the networks, and return all rows."""
    kept = {tuple(one[key] for key in keys): one for one in (*read(path), new)}
    rows = sorted(
        kept.values(), key=lambda one: (NAMES.index(one["network"]), *(int(one[k]) for k in keys[1:]))
    )
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(new), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    part.replace(path)
    return rows


def means(rows: Sequence[Row]) -> list[str]:
    """Return the geometric means in words, for each batch and number of threads and of all; who loses."""
    lines = []
    groups = [(str(batch), str(threads)) for batch in BATCHES for threads in THREADS]
    for batch, threads in [*groups, ("all", "all")]:
        chosen = [one for one in rows if batch == "all" or (one["batch"], one["threads"]) == (batch, threads)]
        if chosen:
            both = [figures.mean(float(one[key]) for one in chosen) for key in ("ratio", "direct ratio")]
            worst = min(chosen, key=lambda one: float(one["ratio"]))
            losing = [one["network"] for one in chosen if float(one["ratio"]) < 1]
            lines.append(
                f"batch {batch}, threads {threads}: {both[0]:.2f} ×, direct {both[1]:.2f} ×; "
                f"the least {worst['ratio']} × ({worst['network']}); loses on {len(losing)} of {len(chosen)}"
            )
    return lines


def parser() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    made = argparse.ArgumentParser(prog="python -m bench.networks", description="Time networks and peers.")
    made.add_argument("names", nargs="*", metavar="NAME", help="parts of names; all networks without")
    made.add_argument("--batches", type=int, nargs="+", default=list(BATCHES), help="images in a call (1 16)")
    made.add_argument("--threads", type=int, nargs="+", default=list(THREADS), help="threads (1 2)")
    made.add_argument("--quick", action="store_true", help="few turns; the result is not kept")
    made.add_argument("--resume", action="store_true", help="leave out rows that today's run has already")
    made.add_argument("--start", action="store_true", help="the way to the first result instead")
    made.add_argument("--profile", action="store_true", help="where our time goes, step by step")
    return made


Job = tuple[tuple[str, ...], Callable[[], Row]]
"""What a row is known by, and what measures it."""


def jobs(asked: argparse.Namespace, names: Sequence[str]) -> Iterator[Job]:
    """Yield what is to be measured."""
    for name in names:
        if asked.start:
            yield (name,), lambda name=name: network_start.start_row(name)  # type: ignore[misc]
            continue
        for batch in asked.batches:
            for threads in asked.threads:
                given = (name, batch, threads)
                yield (
                    (name, str(batch), str(threads)),
                    lambda given=given: row(*given, times(*given, asked.quick)),  # type: ignore[misc]
                )


def run(asked: argparse.Namespace, names: Sequence[str]) -> int:
    """Measure, print and keep row by row; one that fails is told of, and the others go on."""
    path, keys = (STARTS, KEYS[:1]) if asked.start else (RESULTS, KEYS)
    when, failed, rows = measured(), 0, []
    there = {tuple(one[key] for key in keys) for one in read(path) if one["measured"] == when}
    for known, measure in jobs(asked, names):
        if asked.resume and known in there:
            continue
        try:
            new = measure()
        except Exception as error:
            failed += 1
            print(f"{' '.join(known)}: FAILED: {error}", file=sys.stderr, flush=True)
            continue
        rows.append(new)
        line = "  ".join(f"{name} {cell}" for name, cell in new.items())
        print(line + "  LOSES" * (float(new.get("ratio", 1)) < 1), flush=True)
        if not asked.quick:
            keep(path, {**new, "measured": when}, keys)
    if not asked.start:
        print(*means(rows if asked.quick else read(path)), sep="\n")
    return min(failed, 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the networks that are named, or all."""
    asked = parser().parse_args(arguments)
    names = [name for name in NAMES if not asked.names or any(part in name for part in asked.names)]
    if not names:
        sys.stderr.write(f"no network is called {' or '.join(asked.names)}; there are {', '.join(NAMES)}\n")
        return 2
    if asked.profile:
        for name in names:
            print(network_profile.table(model(name), asked.batches[0], asked.threads[0]))
        return 0
    return run(asked, names)


if __name__ == "__main__":
    sys.exit(main())
