"""What comes before the first result: importing, compiling, and reading code from the disk cache."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from bench.shapes import Shape

IMPORTS = 9
FIRST = """
import json, sys, time
import numpy, llvmlite.binding
import convolve, convolve.api.forward
from bench import figures, shapes

shape = figures.SHAPES[sys.argv[1]]
data = shapes.data(shape)
call = getattr(convolve, f"conv{shape.dims}d")
times = []
for _ in range(6):
    start = time.perf_counter()
    call(data.input, data.weight, stride=shape.stride, padding=shape.padding, dilation=shape.dilation,
         groups=shape.groups, padding_mode=shape.padding_mode, layout=shape.layout)
    times.append(time.perf_counter() - start)
print(json.dumps([times[0], sorted(times[1:])[2]]))
"""
IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def first_calls(shapes: Sequence[Shape]) -> dict[str, dict[str, float]]:
    """Return what a first call adds to a later one, in seconds: with the disk cache empty, and filled."""
    found = {}
    for shape in shapes:
        with tempfile.TemporaryDirectory() as folder:
            added = []
            for _ in ("cold", "cached"):
                environment = {"CONVOLVE_CACHE_DIR": folder, "CONVOLVE_NUM_THREADS": "1"}
                first, later = json.loads(_run(FIRST, shape.name, **environment))
                added.append(max(0.0, first - later))
        found[shape.name] = {"cold": added[0], "cached": added[1]}
    return found


def import_ratio() -> float:
    """Return the time of ``import convolve`` by that of ``import numpy``, medians of processes in turn."""
    names = ("numpy", "convolve")
    times = [[float(_run(IMPORT.format(name))) for name in names] for _ in range(IMPORTS)]
    numpy, ours = (statistics.median(column) for column in zip(*times, strict=True))
    ratio: float = ours / numpy
    return ratio


def _run(program: str, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, **environment}, capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    return done.stdout
