"""What this machine can do at best, measured when asked for: multiply-adds and bytes per second.

For reports only: no measured number ever chooses an algorithm.
"""

import ctypes
import functools
import time
from collections.abc import Callable

import numpy as np

from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.llvm.code import LLVM_TYPES
from convolve.runtime import jit
from convolve.runtime.host import host_target
from convolve.runtime.machine_code import made_object

CHAINS = 12
"""Sums at once: eight hide the latency of two units, and AVX2 has 16 registers."""

REPEATS = 9
ROUNDS = 500_000
"""Steps of a measurement: 12 multiply-adds each, 1 ms in all."""

COPY_BYTES = 128 << 20
"""Bytes of an array to copy: larger than last-level caches, most of them."""


@functools.cache
def fma_peak(dtype: str = "float32") -> float:
    """Return the floating-point operations per second of one core, a multiply-add counting as two.

    Parameters
    ----------
    dtype
        "float32" or "float64".
    """
    target = host_target()
    lanes = target.lanes(ITEM_BYTES[dtype])
    library = jit.load(made_object(_loop_of_fmas(dtype, lanes), target), ("peak",))
    function = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)(library.addresses["peak"])
    numbers = np.full(lanes * CHAINS, 0.5, dtype)
    seconds = _quickest(lambda: function(ROUNDS, numbers.ctypes.data))
    return 2.0 * ROUNDS * CHAINS * lanes / seconds


@functools.cache
def copy_bandwidth() -> float:
    """Return the bytes per second that one thread reads and writes in a large copy, both counted."""
    source = np.ones(COPY_BYTES, np.uint8)
    copy = np.zeros_like(source)
    return 2 * COPY_BYTES / _quickest(lambda: np.copyto(copy, source))


def _quickest(work: Callable[[], object]) -> float:
    """Return the shortest time of some runs: whatever else the machine does only makes them longer."""
    work()
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def _loop_of_fmas(dtype: str, lanes: int) -> str:
    """Return LLVM IR that does nothing but independent multiply-adds."""
    kind = f"<{lanes} x {LLVM_TYPES[dtype]}>"
    fma = f"@llvm.fma.v{lanes}{'f32' if dtype == 'float32' else 'f64'}"
    chains = range(CHAINS)
    if not host_target().fma:  # two instructions, both counted
        step = [f"%p{i} = fmul {kind} %x, %a{i}\n  %b{i} = fadd {kind} %p{i}, %x" for i in chains]
    else:
        step = [f"%b{i} = call {kind} {fma}({kind} %x, {kind} %a{i}, {kind} %x)" for i in chains]
    lines = [
        f"declare {kind} {fma}({kind}, {kind}, {kind})",
        "define void @peak(i64 %rounds, ptr %numbers) {",
        "entry:",
        f"  %x = load {kind}, ptr %numbers, align 4",
        "  br label %loop",
        "loop:",
        "  %i = phi i64 [ 0, %entry ], [ %next, %loop ]",
        *(f"  %a{i} = phi {kind} [ zeroinitializer, %entry ], [ %b{i}, %loop ]" for i in chains),
        *(f"  {line}" for line in step),
        "  %next = add i64 %i, 1",
        "  %again = icmp slt i64 %next, %rounds",
        "  br i1 %again, label %loop, label %done",
        "done:",
        *(f"  %g{i} = getelementptr {kind}, ptr %numbers, i64 {i}" for i in chains),
        *(f"  store {kind} %b{i}, ptr %g{i}, align 4" for i in chains),
        "  ret void",
        "}",
    ]
    return "\n".join(lines)
