"""Nests as machine code: compiled and called as the runtime does, from plain arrays.

Code for 64-bit ARM is run by qemu where the machine is another. AVX-512 runs on machines that have it, and
nowhere else: qemu knows of x86's vectors up to AVX2 only.
"""

import ctypes
import platform
from collections.abc import Mapping

import numpy as np

from convolve.compiler.interpreter import unwritten
from convolve.compiler.layout import argument_layout
from convolve.compiler.loopnest import Routine
from convolve.compiler.pipeline import module
from convolve.compiler.target import NEON, TARGETS, Target
from convolve.runtime import jit
from tests.compiler.cases import Array
from tests.compiler.emulated import Emulated

SIGNATURE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


def compiled(routines: list[Routine], target: Target) -> jit.Library | Emulated:
    if not runs_here(target):
        return Emulated(routines)
    code = jit.make_object(module(routines, target), target)
    return jit.load(code, tuple(routine.name for routine in routines))


def call(
    library: jit.Library | Emulated,
    routine: Routine,
    arrays: Mapping[str, Array],
    values: Mapping[str, int],
    items: int,
) -> None:
    """Run the items of a routine; scratch is full of NaN."""
    if isinstance(library, Emulated):
        library.call(routine, arrays, values, items)
        return
    layout = argument_layout(routine)
    words = [0] * layout.words
    scratch = []
    for buffer in routine.buffers:
        array = arrays.get(buffer.name)
        if buffer.role == "scratch":
            shape = tuple(extent.value(values) for extent in buffer.extents)
            array = unwritten(shape, buffer.dtype)
            words[layout.pointers[buffer.name]] = sum(one.nbytes for one in scratch)
            scratch.append(array)
        else:
            words[layout.pointers[buffer.name]] = array.ctypes.data
        first = layout.strides[buffer.name]
        words[first : first + array.ndim] = array.strides
    for name, place in layout.parameters.items():
        words[place] = values[name]
    block = (ctypes.c_int64 * layout.words)(*words)
    room = np.frombuffer(b"".join(one.tobytes() for one in scratch) + bytes(64), np.uint8).copy()
    SIGNATURE(library.addresses[routine.name])(ctypes.addressof(block), 0, items, room.ctypes.data)


def runs_here(target: Target) -> bool:
    """Say whether this machine has the instructions of a target."""
    machine = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    here = jit.binding().get_host_cpu_features()
    wanted = (feature for feature in target.features.split(",") if feature)
    return target.triple.startswith(machine) and all(here.get(feature[1:], False) for feature in wanted)


RUNNABLE = [target for target in TARGETS.values() if runs_here(target) or target is NEON]
"""The targets whose machine code this machine can run, or qemu."""
