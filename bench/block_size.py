"""Which block size suits the reference? Prints milliseconds per size, as the median of seven runs.

Run with ``python bench/block_size.py`` where convolve is installed; what it gave stands in bench/NOTES.md.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

import convolve
from convolve import reference

RUNS = 7


def milliseconds(call: Callable[[], object]) -> float:
    """Return the median time of a call."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def main() -> None:
    """Time a photograph and a network's layer with every block size."""
    numbers = np.random.default_rng(0)
    photo, kernel = numbers.standard_normal((1080, 1920), "f"), numbers.standard_normal((5, 5), "f")
    layer, weight = (
        numbers.standard_normal((1, 64, 56, 56), "f"),
        numbers.standard_normal((64, 64, 3, 3), "f"),
    )
    print("block   1080p 5×5 reflect   64→64@56 3×3")
    for power in range(12, 22, 2):
        reference.BLOCK = 1 << power
        first = milliseconds(lambda: convolve.conv2d(photo, kernel, padding=2, padding_mode="reflect"))
        second = milliseconds(lambda: convolve.conv2d(layer, weight, padding=1))
        print(f"2**{power}{first:15.1f} ms{second:15.1f} ms")


if __name__ == "__main__":
    main()
