"""Code -> machine code in this process: made once, kept while it is used, at most `MOST_KEPT` of them."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from convolve.compiler.loopnest import Routine, Signature
from convolve.compiler.lower.gradient import gradient, gradient_signature
from convolve.compiler.lower.pointwise import points, points_signature
from convolve.compiler.lower.pool import pool, pool_signature
from convolve.compiler.lower.pool_planes import planes_signature, pool_planes
from convolve.compiler.pipeline import compile_alone, compile_ir, lower, signatures
from convolve.compiler.plan import Code, PointCode, PoolCode
from convolve.compiler.target import Target
from convolve.runtime import cache, jit
from convolve.runtime.locks import fork_safe_lock

AnyCode = Code | PoolCode | PointCode

MOST_KEPT = 256
"""Routines whose machine code stays in memory, about 20 kB each with what LLVM keeps beside it."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The functions of a convolution in this process, and what a caller must know of them."""

    routine: Signature
    packing: Signature
    convolve: int
    pack: int
    at_once: int
    library: jit.Library


@dataclass(frozen=True, slots=True)
class Alone:
    """A function in this process that has no weights to pack, and what a caller must know of it."""

    routine: Signature
    run: int
    library: jit.Library


_made: OrderedDict[tuple[AnyCode, Target], Machine | Alone] = OrderedDict()
_lock = fork_safe_lock()


def machine_code(code: Code, target: Target) -> Machine:
    """Return the machine code of a convolution, made now if it is not there."""
    return cast(Machine, _kept(code, target, lambda: _make(code, target)))


def gradient_code(code: Code, target: Target) -> Alone:
    """Return the machine code of a gradient with respect to the weight, made now if it is not there."""
    return cast(Alone, _kept(code, target, lambda: _make_gradient(code, target)))


def pool_code(code: PoolCode, target: Target) -> Alone:
    """Return the machine code of a pooling, made now if it is not there."""
    return cast(Alone, _kept(code, target, lambda: _make_pool(code, target)))


def point_code(code: PointCode, target: Target) -> Alone:
    """Return the machine code of a pass over numbers, made now if it is not there."""
    return cast(Alone, _kept(code, target, lambda: _make_points(code, target)))


def _kept(code: AnyCode, target: Target, make: Callable[[], Machine | Alone]) -> Machine | Alone:
    """Return what was made before, or make it and keep it."""
    key = (code, target)
    with _lock:
        if key in _made:
            _made.move_to_end(key)
            return _made[key]
    machine = make()
    with _lock:
        _made[key] = machine
        while len(_made) > MOST_KEPT:
            _made.popitem(last=False)
    return machine


def _make_gradient(code: Code, target: Target) -> Alone:
    """Load the machine code of a gradient from the disk cache, or compile it and keep it there."""
    return _alone(gradient_signature(code, target), lambda: gradient(code, target), code, target)


def _make_pool(code: PoolCode, target: Target) -> Alone:
    """Load the machine code of a pooling from the disk cache, or compile it and keep it there."""
    if code.planes:
        return _alone(planes_signature(code), lambda: pool_planes(code, target), code, target)
    return _alone(pool_signature(code), lambda: pool(code, target), code, target)


def _make_points(code: PointCode, target: Target) -> Alone:
    """Load the machine code of a pass from the disk cache, or compile it and keep it there."""
    return _alone(points_signature(code), lambda: points(code, target), code, target)


def _alone(signature: Signature, nest: Callable[[], Routine], code: AnyCode, target: Target) -> Alone:
    made = made_object(lambda: compile_alone(nest(), target), target, code)
    library = jit.load(made, (signature.name,))
    return Alone(signature, library.addresses[signature.name], library)


def _make(code: Code, target: Target) -> Machine:
    """Load the machine code from the disk cache, or compile it and keep it there."""
    routine, packing = signatures(code, target)
    names = (routine.name, packing.name, "at_once")
    made = made_object(lambda: compile_ir(lower(code, target), target), target, code)
    library = jit.load(made, names)
    convolve, pack, at_once = (library.addresses[name] for name in names)
    return Machine(routine, packing, convolve, pack, at_once, library)


def made_object(ir: str | Callable[[], str], target: Target, *parts: object) -> bytes:
    """Return the object code of a module, from the disk cache if it is there.

    The key holds ``parts``, or the module's text if it is given as it is.
    """
    key = cache.make_key(ir if isinstance(ir, str) else parts, target)
    made = cache.get(key)
    if made is None:
        made = jit.make_object(ir if isinstance(ir, str) else ir(), target)
        cache.put(key, made)
    return made
