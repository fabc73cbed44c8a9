"""Machine code is loaded in one piece: a process full of large arrays has its holes far apart.

Code and its constants reach each other over two gigabytes at most. Two pieces, each put where there is room,
were further apart now and then, and LLVM ended the process.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CHILD = """
import ctypes
import mmap
import numpy as np
import convolve
from convolve.runtime import jit

libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
number, pointer, size_t = ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t
libc.mmap.argtypes = [pointer, size_t, number, number, number, ctypes.c_long]
libc.munmap.argtypes = [pointer, size_t]

MAP_NORESERVE = 0x4000  # Linux's number: pages that nobody writes cost nothing

def reserve(size):
    kind = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE
    return libc.mmap(None, size, mmap.PROT_READ, kind, -1, 0)

loaded, load = [], jit.load
jit.load = lambda *arguments: loaded.append(arguments) or load(*arguments)
image, weight = np.ones((1, 64, 30, 30)), np.ones((64, 64, 3, 3))
for dtype in ("float32", "float64", "float16", "int16"):
    convolve.conv2d(image.astype(dtype), weight.astype(dtype))
assert any(b".rodata" in code for code, _ in loaded), "there are constants to reach"
for _ in range(30_000):
    reserve(mmap.PAGESIZE)  # fill what holes there are
keep = []
for code, names in loaded:
    for pages in [*range(1, 9)] * 8:
        hole = reserve(pages * mmap.PAGESIZE)
        reserve(mmap.PAGESIZE)
        reserve(3 << 30)
        libc.munmap(hole, pages * mmap.PAGESIZE)
        keep.append(load(code, names))
print("alive")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="where memory is found is Linux's way")
def test_code_and_its_constants_stay_together() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
