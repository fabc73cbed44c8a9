"""Convolves many distinct specs in a process of its own and reports what that process holds: figure F15.

Run as ``python -m tests.engine.soak COUNT SEED``. Every store of the engine is made small first, so that all
of them are full after some dozens of specs: from then on memory must be flat, whatever the number of specs.
"""

import functools
import gc
import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

import convolve
from convolve.api import dispatch
from convolve.compiler import planner
from convolve.runtime import engine, execution, jit, machine_code

KEPT = 16
"""What every store may hold here, instead of hundreds or thousands."""

GEOMETRIES = [
    (taps, channels, dtype, layout)
    for taps in ((1, 1), (3, 3), (2, 5), (5, 5))
    for channels in ((1, 1), (3, 8), (16, 40))
    for dtype, layout in (
        ("float32", "channels_first"), ("float32", "channels_last"), ("float64", "channels_first"),
    )
]  # fmt: skip
"""36 of them; tiles that depend on the size make about three routines of each."""


def make_stores_small() -> None:
    """Reduce the limit of every store, so that it is reached."""
    dispatch.MOST_RECIPES = KEPT
    machine_code.MOST_KEPT = KEPT
    execution.MOST_LARGE_BYTES = 1 << 20
    engine.execution = functools.lru_cache(KEPT)(engine.execution.__wrapped__)
    planner.plan = functools.lru_cache(KEPT)(planner.plan.__wrapped__)


def count_routines() -> set[Any]:
    """Return a set that takes note of every routine that is asked for."""
    asked: set[Any] = set()
    original = machine_code.machine_code

    def noting(code: Any, target: Any) -> Any:
        asked.add(code)
        return original(code, target)

    engine.machine_code = noting  # type: ignore[attr-defined]
    return asked


def specs(count: int, seed: int) -> list[Any]:
    """Return distinct specs: geometry, size and padding."""
    draw, found = random.Random(seed), {}
    while len(found) < count:
        geometry = GEOMETRIES[len(found) % len(GEOMETRIES)]
        found[geometry, draw.randint(5, 60), draw.randint(5, 60), draw.randint(0, 3)] = None
    return list(found)


def convolve_one(spec: Any, check: bool) -> None:
    """Convolve one spec; compare it with the reference if asked to."""
    (taps, (channels, filters), dtype, layout), height, width, padding = spec
    shape = (1, channels, height, width) if layout == "channels_first" else (1, height, width, channels)
    image = (np.arange(np.prod(shape)) % 7).astype(dtype).reshape(shape)
    weight = (np.arange(filters * channels * taps[0] * taps[1]) % 5).astype(dtype)
    weight = weight.reshape(filters, channels, *taps)
    options: dict[str, Any] = {"padding": padding, "layout": layout}
    result = convolve.conv2d(image, weight, **options)
    if check:
        expected = convolve.conv2d(image, weight, **options, algorithm="reference")
        assert np.linalg.norm(result - expected) <= 1e-5 * np.linalg.norm(expected), spec


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def libraries() -> int:
    """Return how many libraries of machine code are alive."""
    gc.collect()
    return sum(type(one) is jit.Library for one in gc.get_objects())


def main() -> None:
    """Run and print figures as JSON."""
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    convolve.set_num_threads(1)
    asked = count_routines()
    for spec in specs(count, seed):  # compile everything first: LLVM's own memory grows meanwhile
        convolve_one(spec, check=False)
    compiled = len(asked)
    make_stores_small()
    memory = []
    for number, spec in enumerate(specs(2 * count, seed + 1)):
        convolve_one(spec, check=number % 20 == 0)
        if number % count == count - 1:
            memory.append(resident())
    kept = len(machine_code._made)
    print(json.dumps({"memory": memory, "routines": compiled, "libraries": libraries(), "kept": kept}))


if __name__ == "__main__":
    main()
