"""What this machine can do at best, measured when asked for: multiply-adds and bytes per second.

For reports only: no measured number ever chooses an algorithm.
"""

import ctypes
import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from convolve.compiler.affine import Affine
from convolve.compiler.builder import Pen
from convolve.compiler.layout import ITEM_BYTES, argument_layout
from convolve.compiler.loopnest import Buffer, Routine, affines
from convolve.compiler.pipeline import compile_alone
from convolve.compiler.plan import DOT_CHANNELS
from convolve.dtypes import Array
from convolve.runtime import jit
from convolve.runtime.host import host_target
from convolve.runtime.machine_code import made_object

CHAINS = 12
"""Sums at once: eight hide the latency of two units, and AVX2 has 16 registers."""

REPEATS = 9
ROUNDS = 500_000
"""Steps of a measurement: 12 multiply-adds each, 1 ms in all."""

FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
"""How every routine is called: its arguments, its share of the items, its scratch."""

COPY_BYTES = 128 << 20
"""Bytes of an array to copy: larger than last-level caches, most of them."""


@functools.cache
def fma_peak(dtype: str = "float32", operation: str = "fma") -> float:
    """Return the arithmetic operations per second of one core, a multiply-add counting as two.

    Parameters
    ----------
    dtype
        Of sums: "float32", "float64", "int32" or "int64".
    operation
        "fma", or "dot" for four products of bytes in every int32.
    """
    lanes = host_target().lanes(ITEM_BYTES[dtype])
    rounds = Rounds(dtype, operation, np.full((CHAINS, lanes), 0.5 if dtype.startswith("f") else 1, dtype))
    each = 2.0 * (DOT_CHANNELS if operation == "dot" else 1)
    return each * ROUNDS * CHAINS * lanes / _quickest(lambda: rounds.run(ROUNDS))


@functools.cache
def copy_bandwidth(threads: int = 1) -> float:
    """Return the bytes per second that threads read and write in a large copy, both counted."""
    source = np.ones((threads, COPY_BYTES // threads), np.uint8)
    copy = np.zeros_like(source)
    if threads == 1:
        return 2 * source.nbytes / _quickest(lambda: np.copyto(copy, source))
    with ThreadPoolExecutor(threads) as pool:  # NumPy gives up the interpreter's lock while it copies
        return 2 * source.nbytes / _quickest(lambda: list(pool.map(np.copyto, copy, source)))


def _quickest(work: Callable[[], object]) -> float:
    """Return the shortest time of some runs: whatever else the machine does only makes them longer."""
    work()
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


class Rounds:
    """Machine code that does nothing but independent multiply-adds, on an array with a row for each."""

    def __init__(self, dtype: str, operation: str, numbers: Array) -> None:
        target = host_target()
        routine = _loop_of_products(dtype, operation, target.lanes(ITEM_BYTES[dtype]))
        made = made_object(compile_alone(routine, target), target)
        self._library = jit.load(made, (routine.name,))
        self._function = FUNCTION(self._library.addresses[routine.name])
        layout = argument_layout(routine)
        self._block = (ctypes.c_int64 * layout.words)()
        self._block[layout.pointers["numbers"]] = numbers.ctypes.data
        first = layout.strides["numbers"]
        self._block[first : first + 2] = list(numbers.strides)
        self._rounds, self._numbers = layout.parameters["rounds"], numbers

    def run(self, rounds: int) -> None:
        """Start with 0 in each chain, and write what it has come to."""
        self._block[self._rounds] = rounds
        self._function(ctypes.addressof(self._block), 0, 1, None)


def _loop_of_products(dtype: str, operation: str, lanes: int) -> Routine:
    """Return the loop nest: x·a + x again and again, or x·x + a where the sum is no factor."""
    pen, rounds = Pen(), Affine.symbol("rounds")
    chains = [f"chain{i}" for i in range(CHAINS)]
    pen.load("x", "numbers", [0, 0], lanes)
    for chain in chains:
        pen.number(chain, 0.0, dtype, lanes)
    with pen.loop("round", 0, rounds):
        for chain in chains:
            pen.compute(chain, operation, "x", *(("x", chain) if operation == "dot" else (chain, "x")))
    for i, chain in enumerate(chains):
        pen.store("numbers", [i, 0], chain, lanes)
    numbers = Buffer("numbers", dtype, affines([CHAINS, lanes]), "output")
    return Routine("peak", ("rounds",), (rounds,), (numbers,), pen.body())
