"""The way from a network's file to its first result, beside ONNX Runtime's: seconds and memory.

Each start is a process of its own, two threads, batch 1. Imports are left out on both sides. *Cold* is with
an empty disk cache, *cached* from then on. Peaks are the whole process's; *above imports* is what came on top
of the memory that was in use once the libraries were imported.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.network_contenders import model
from bench.shapes import FOLDER

CACHED = 3
"""Starts with what the first one left on the disk, and of ONNX Runtime; the median counts."""

START = """
import json, re, sys, time
from pathlib import Path
sys.path.insert(0, {folder!r})
from bench.network_contenders import MAKERS, image
contender, path = sys.argv[1], Path(sys.argv[2])
if contender == "ours":
    import convolve, llvmlite.binding, onnx
    import convolve.nn
else:
    import onnxruntime

def mebibytes(what):
    return int(re.search(what + r":\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

x, before = image(1), mebibytes("VmRSS")
begun = time.perf_counter()
MAKERS[contender](path, 2, x)()
seconds, peak = time.perf_counter() - begun, mebibytes("VmHWM")
print(json.dumps([seconds, peak, peak - before]))
"""
"""Seconds from the file's name to the first result, MiB at most, MiB above those of the imports."""


def started(contender: str, path: Path, cache: str) -> list[float]:
    """Return seconds to the first result, the peak of memory in MiB, and that above imports."""
    done = subprocess.run(
        [sys.executable, "-c", START.format(folder=str(FOLDER.parent)), contender, str(path)],
        capture_output=True, text=True, check=False, env={**os.environ, "CONVOLVE_CACHE_DIR": cache},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{contender} on {path.name} ended with {done.returncode}: {done.stderr[-500:]}")
    figures: list[float] = json.loads(done.stdout)
    return figures


def start_row(name: str) -> dict[str, str]:
    """Return the row of a network."""
    path = model(name)
    with tempfile.TemporaryDirectory() as cache:
        cold, *_ = started("ours", path, cache)
        ours = _medians([started("ours", path, cache) for _ in range(CACHED)])
        theirs = _medians([started("ONNX Runtime", path, cache) for _ in range(CACHED)])
    return {
        "network": name, "file MB": f"{path.stat().st_size / 1e6:.0f}", "cold s": f"{cold:.2f}",
        "cached s": f"{ours[0]:.2f}", "ONNX Runtime s": f"{theirs[0]:.2f}", "peak MiB": f"{ours[1]:.0f}",
        "ONNX Runtime MiB": f"{theirs[1]:.0f}", "above imports MiB": f"{ours[2]:.0f}",
        "ONNX Runtime above MiB": f"{theirs[2]:.0f}",
    }  # fmt: skip


def _medians(starts: list[list[float]]) -> list[float]:
    return [statistics.median(one) for one in zip(*starts, strict=True)]
