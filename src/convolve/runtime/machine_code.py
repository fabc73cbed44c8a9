"""Code -> machine code in this process: compiled once, kept while it is used, at most `MOST_KEPT` at a time."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from convolve.compiler.pipeline import Compiled, compile_ir
from convolve.compiler.plan import Code
from convolve.compiler.target import Target
from convolve.runtime import jit

MOST_KEPT = 256
"""Routines whose machine code stays in memory, about 20 kB each with what LLVM keeps beside it."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The two functions of a convolution in this process, and the nests that they were made from."""

    compiled: Compiled
    convolve: int
    pack: int
    library: jit.Library


_made: "OrderedDict[tuple[Code, Target], Machine]" = OrderedDict()
_lock = threading.Lock()


def machine_code(code: Code, target: Target) -> Machine:
    """Return the machine code of a routine, made now if it is not there."""
    key = (code, target)
    with _lock:
        if key in _made:
            _made.move_to_end(key)
            return _made[key]
    machine = _make(code, target)
    with _lock:
        _made[key] = machine
        while len(_made) > MOST_KEPT:
            _made.popitem(last=False)
    return machine


def _make(code: Code, target: Target) -> Machine:
    compiled = compile_ir(code, target)
    made = jit.make_object(compiled.ir, target)
    library = jit.load(made, (compiled.routine.name, "pack"))
    return Machine(compiled, library.addresses[compiled.routine.name], library.addresses["pack"], library)
