"""The networks of the onnx wheel, with drawn weights: ``python -m bench.networks [parts of names...]``.

Ours, and ours by the direct method alone, beside ONNX Runtime (all its graph optimisations) and PyTorch
(eager, channels last, inference mode, batch norms folded). Each contender has a process of its own, and they
take turns; the median of the turns counts. Results are compared before anything is timed. Rows are printed,
and kept in ``networks.csv``, one after the other. ``--start`` measures the way to the first result instead
(``networks_start.csv``).
"""

import csv
import datetime
import json
import math
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.worker import fall_asleep

NAMES = (
    "squeezenet", "shufflenet", "inception_v1", "inception_v2", "resnet50", "densenet121", "zfnet512",
    "bvlc_alexnet", "vgg19",
)  # fmt: skip
BATCHES, THREADS = (1, 16), (1, 2)
CONTENDERS = ("ours", "direct", "ONNX Runtime", "PyTorch")
PEERS = CONTENDERS[2:]
TURNS, TURN_SECONDS = 5, 0.3
TOLERANCE = 1e-4
"""Largest difference from ONNX Runtime, of its largest result."""

FOLDER = Path(__file__).parent
RESULTS, STARTS = FOLDER / "networks.csv", FOLDER / "networks_start.csv"
MODELS = Path(tempfile.gettempdir()) / "convolve-bench-networks"


def model(name: str) -> Path:
    """Return the file of a network with drawn weights, written when it is first asked for."""
    import onnx

    from tests.nn.light import light_model

    path = MODELS / f"{name}.onnx"
    if not path.exists():
        MODELS.mkdir(exist_ok=True)
        onnx.save(light_model(name, 1), path.with_suffix(".part"))
        path.with_suffix(".part").rename(path)
    return path


def image(batch: int) -> Any:
    """Return images."""
    return np.random.default_rng(0).standard_normal((batch, 3, 224, 224), np.float32)


def ours(path: Path, threads: int) -> Callable[[Any], Any]:
    """Return our call."""
    import convolve

    convolve.set_num_threads(threads)
    return convolve.load(path)


def direct(path: Path, threads: int) -> Callable[[Any], Any]:
    """Return our call without Winograd's method."""
    import convolve
    from convolve.nn.tensor import Tensor

    convolve.set_num_threads(threads)
    network = convolve.load(path)
    (given,), (wanted,) = network.inputs, network.outputs

    def run(x: Any) -> Any:
        compiled = network._program({given.name: Tensor(x.dtype, x.shape)}, (wanted,))
        return (compiled._run({given.name: x}, "strict") or {})[wanted]

    return run


def onnx_runtime(path: Path, threads: int) -> Callable[[Any], Any]:
    """Return ONNX Runtime's call."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def pytorch(path: Path, threads: int) -> Callable[[Any], Any]:
    """Return PyTorch's call; the image is given in the layout that it takes best."""
    import torch

    import convolve
    from bench.peers.torch_network import torch_network

    torch.set_num_threads(threads)
    run = torch_network(convolve.load(path))
    return lambda x: run(torch.from_numpy(x).contiguous(memory_format=torch.channels_last))


MAKERS = dict(zip(CONTENDERS, (ours, direct, onnx_runtime, pytorch), strict=True))
WORK: dict[str, Callable[[], Any]] = {}
"""In a worker process: what it does."""


def start(contender: str, path: Path, batch: int, threads: int) -> None:
    """Make a worker ready."""
    run, x = MAKERS[contender](path, threads), image(batch)
    WORK["run"] = lambda: run(x)


def first() -> Any:
    """Return the result of the second call."""
    return [WORK["run"]() for _ in range(2)][-1]


def turn() -> float:
    """Return the median seconds of a turn's calls; the first one is left out where there are others."""
    times: list[float] = []
    while not times or sum(times) < TURN_SECONDS:
        begun = time.perf_counter()
        WORK["run"]()
        times.append(time.perf_counter() - begun)
    fall_asleep()
    return statistics.median(times[1:] or times)


def medians(name: str, batch: int, threads: int) -> dict[str, float]:
    """Return the median milliseconds of each contender; none of them may be wrong."""
    context = multiprocessing.get_context("spawn")
    given = (model(name), batch, threads)
    pools = {one: context.Pool(1, start, (one, *given)) for one in CONTENDERS}
    try:
        results = {one: pool.apply(first) for one, pool in pools.items()}
        wanted = results["ONNX Runtime"]
        for one, result in results.items():
            error = float(np.abs(result - wanted).max() / np.abs(wanted).max())
            if not error <= TOLERANCE:
                raise SystemExit(f"{name}, batch {batch}: {one} differs from ONNX Runtime by {error:.1e}")
        turns = [{one: pool.apply(turn) for one, pool in pools.items()} for _ in range(TURNS)]
    finally:
        for pool in pools.values():
            pool.terminate()
    return {one: 1000 * statistics.median(times[one] for times in turns) for one in pools}


def row(name: str, batch: int, threads: int) -> dict[str, str]:
    """Return a row of the results."""
    times = medians(name, batch, threads)
    best = min(times[peer] for peer in PEERS)
    found = {"network": name, "batch": str(batch), "threads": str(threads)}
    found |= {f"{one} ms": f"{time:.2f}" for one, time in times.items()}
    found |= {"ratio": f"{best / times['ours']:.2f}", "direct ratio": f"{best / times['direct']:.2f}"}
    return found | {"measured": _when()}


def _when() -> str:
    import onnxruntime
    import torch

    from convolve.runtime.host import host_target

    peers = f"ONNX Runtime {onnxruntime.__version__}, PyTorch {torch.__version__}"
    return f"{datetime.date.today()}, {host_target().name}, {peers}"


START = """
import json, sys, time
import numpy as np
sys.path.insert(0, {folder!r})
contender, path = sys.argv[1:3]
from bench.networks import MAKERS, image
if contender == "ours":
    import convolve, llvmlite.binding, onnx
    import convolve.nn
else:
    import onnxruntime
x = image(1)
begun = time.perf_counter()
MAKERS[contender](path, 2)(x)
seconds = time.perf_counter() - begun
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
print(json.dumps([seconds, peak]))
"""
"""A process of its own: seconds from the file's name to the first result without imports, and MiB at most."""


def started(contender: str, path: Path, cache: str) -> tuple[float, float]:
    """Return seconds to the first result, and the peak of memory in MiB."""
    done = subprocess.run(
        [sys.executable, "-c", START.format(folder=str(FOLDER.parent)), contender, str(path)],
        capture_output=True, text=True, check=True, env={**os.environ, "CONVOLVE_CACHE_DIR": cache},
    )  # fmt: skip
    seconds, peak = json.loads(done.stdout)
    return seconds, peak


def start_row(name: str) -> dict[str, str]:
    """Return the way to a network's first result, batch 1, two threads."""
    path = model(name)
    with tempfile.TemporaryDirectory() as cache:
        cold, _ = started("ours", path, cache)
        cached = [started("ours", path, cache) for _ in range(3)]
        theirs = [started("ONNX Runtime", path, cache) for _ in range(3)]
    seconds, peaks = (statistics.median(one) for one in zip(*cached, strict=True))
    their_seconds, their_peaks = (statistics.median(one) for one in zip(*theirs, strict=True))
    return {
        "network": name, "file MB": f"{path.stat().st_size / 1e6:.0f}", "cold s": f"{cold:.2f}",
        "cached s": f"{seconds:.2f}", "ONNX Runtime s": f"{their_seconds:.2f}", "peak MiB": f"{peaks:.0f}",
        "ONNX Runtime MiB": f"{their_peaks:.0f}", "measured": _when(),
    }  # fmt: skip


def keep(path: Path, new: dict[str, str], keys: Sequence[str]) -> list[dict[str, str]]:
    """Put a row into a file, in the order of the networks, and return all rows."""
    rows = list(csv.DictReader(path.open(encoding="utf-8"))) if path.exists() else []
    kept = {tuple(one[key] for key in keys): one for one in (*rows, new)}
    rows = sorted(
        kept.values(), key=lambda one: (NAMES.index(one["network"]), *(int(one[k]) for k in keys[1:]))
    )
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(new), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return rows


def means(rows: Sequence[dict[str, str]]) -> list[str]:
    """Return the geometric means of the ratios in words, for each batch and number of threads, and of all."""
    lines = []
    groups = [(batch, threads) for batch in BATCHES for threads in THREADS]
    for batch, threads in [*groups, ("all", "all")]:
        own = (str(batch), str(threads))
        chosen = [one for one in rows if batch == "all" or (one["batch"], one["threads"]) == own]
        if chosen:
            both = [_mean([float(one[key]) for one in chosen]) for key in ("ratio", "direct ratio")]
            worst = min(chosen, key=lambda one: float(one["ratio"]))
            least = f"the least {worst['ratio']} × ({worst['network']})"
            lines.append(
                f"batch {batch}, threads {threads}: {both[0]:.2f} ×, direct {both[1]:.2f} ×; {least}"
            )
    return lines


def _mean(ratios: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def main() -> None:
    """Measure the networks that are named, or all."""
    parts = [one for one in sys.argv[1:] if not one.startswith("--")]
    names = [name for name in NAMES if not parts or any(part in name for part in parts)]
    for name in names:
        if "--start" in sys.argv:
            print("  ".join(keep_one(STARTS, start_row(name), ["network"])), flush=True)
            continue
        for batch in BATCHES:
            for threads in THREADS:
                new = row(name, batch, threads)
                print("  ".join(keep_one(RESULTS, new, ["network", "batch", "threads"])), flush=True)
    if RESULTS.exists() and "--start" not in sys.argv:
        print(*means(list(csv.DictReader(RESULTS.open(encoding="utf-8")))), sep="\n")


def keep_one(path: Path, new: dict[str, str], keys: Sequence[str]) -> Sequence[str]:
    """Keep a row, and return its cells."""
    keep(path, new, keys)
    return list(new.values())[:-1]


if __name__ == "__main__":
    main()
