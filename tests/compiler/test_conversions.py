"""Conversions between dtypes: machine code, interpreter and NumPy agree, and no target calls a library."""

import itertools
from typing import Any

import numpy as np
import pytest

from convolve.compiler.affine import Affine
from convolve.compiler.builder import Pen
from convolve.compiler.interpreter import interpret, numpy_dtype
from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.llvm.conversions import FLOATS, HALVES, RANGES
from convolve.compiler.loopnest import Buffer, Routine
from convolve.compiler.pipeline import module
from convolve.compiler.target import AVX2, TARGETS, Target
from convolve.compiler.verify import verify
from convolve.runtime import jit
from tests.compiler.assembly import CALL
from tests.compiler.native import RUNNABLE, call, compiled

LANES = (1, 6, 8)
WIDTH = Affine.symbol("width")
IN_FLOATS = {
    "float32": ("int8", "uint8", "int16", "uint16", "int32", "uint32", "bool"),
    "float64": tuple(RANGES),
}


def supported(source: str, wanted: str, saturated: bool) -> bool:
    """Say whether nests convert so: to 16-bit floats from float32, floats to what the other way promises."""
    if wanted in HALVES:
        return source in (*HALVES, "float32") and not saturated
    if source in FLOATS and wanted in RANGES:
        return ITEM_BYTES[wanted] <= 4 if saturated else wanted in IN_FLOATS[source]
    return source not in HALVES or wanted in FLOATS


CASES = [
    (source, wanted, saturated)
    for source, wanted, saturated in itertools.product(ITEM_BYTES, ITEM_BYTES, (False, True))
    if source != wanted and supported(source, wanted, saturated) and (wanted in RANGES or not saturated)
]


def nest(source: str, wanted: str, saturated: bool, lanes: int) -> Routine:
    """Return a nest that converts a line."""
    pen = Pen()
    with pen.loop("x", 0, WIDTH, lanes, overlap=True) as x:
        pen.load("read", "line", [x], lanes)
        pen.store("out", [x], pen.convert("made", wanted, "read", saturated), lanes)
    buffers = (Buffer("line", source, (WIDTH,), "input"), Buffer("out", wanted, (WIDTH,), "output"))
    name = f"{source}_{wanted}_{'saturated' if saturated else 'plain'}_{lanes}"
    return Routine(name, ("width",), (WIDTH,), buffers, pen.body())


def numbers(source: str, wanted: str, saturated: bool) -> Any:
    """Return numbers of a dtype: its ends, halves, what lies beyond the other's range, and random ones."""
    draw = np.random.default_rng(len(source) + len(wanted))
    dtype = numpy_dtype(source)
    if source == "bool":  # any byte but 0 is true
        return np.arange(256, dtype=np.uint8).view(dtype)
    if wanted == "bool" and not saturated:
        return draw.integers(0, 2, 60).astype(dtype)
    if source in RANGES:
        low, high = RANGES[source]
        ends = [end for pair in RANGES.values() for near in pair for end in (near - 1, near, near + 1)]
        inside = [end for end in ends if low <= end <= high]
        values = np.array([low, high, *inside], object)
        return np.concatenate(
            [
                values.astype(dtype),
                draw.integers(low, high, 400, "u8" if high > 2**63 else "i8", endpoint=True).astype(dtype),
            ]
        )
    if source in HALVES:
        return np.arange(65536, dtype=np.uint16).view(dtype)
    if wanted in RANGES and not saturated:
        most = 2**24 if source == "float32" else 2**53
        low, high = RANGES[wanted] if wanted == "bool" or wanted.startswith("u") else (-most, most)
        return draw.integers(max(low, -most), min(high, most), 500, endpoint=True).astype(dtype)
    bits = draw.integers(0, 2**32 if source == "float32" else 2**63, 4000, np.uint64)
    wild = bits.astype("u4").view("f4") if source == "float32" else bits.view("f8")
    ends = [float(end) for pair in RANGES.values() for end in pair]
    halves = np.arange(-300, 300) / 2
    tiny = np.arange(-2000, 2000) * 2.0**-26
    near = np.concatenate(
        [
            np.array(ends),
            np.array(ends) + 0.5,
            halves,
            halves + 254,
            tiny,
            [65519.996, 65520, np.inf, -np.inf],
        ]
    )
    found = np.concatenate([wild, near.astype(dtype)])
    return found if wanted in FLOATS + HALVES else found[~np.isnan(found)]


def expected(values: Any, wanted: str, saturated: bool) -> Any:
    """Return what NumPy and Python's own integers make of numbers."""
    dtype = numpy_dtype(wanted)
    if not saturated or wanted not in RANGES:
        wraps = values.dtype.name in FLOATS and wanted in RANGES  # which NumPy leaves to the machine
        return (values.astype("int64") if wraps else values).astype(dtype)
    low, high = RANGES[wanted]
    ends = [min(max(one, low), high) for one in values.tolist()]
    return np.array([round(one) for one in ends], object).astype(dtype)


def same(one: Any, other: Any) -> bool:
    """Say whether two arrays hold the same bits, any NaN being like any other."""
    if one.dtype.name in FLOATS + HALVES:
        with np.errstate(all="ignore"):
            wide = [np.asarray(array).astype("f8") for array in (one, other)]
        signs = [np.signbit(array) for array in wide]
        return bool(
            np.array_equal(*wide, equal_nan=True)
            and np.array_equal(*(s | np.isnan(w) for s, w in zip(signs, wide, strict=True)))
        )
    return bool(np.array_equal(one, other))


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: target.name)
@pytest.mark.parametrize("source", ITEM_BYTES)
def test_machine_code_converts_as_numpy_does(target: Target, source: str) -> None:
    check_conversions(target, source, LANES, interpreted=True)


def check_conversions(target: Target, source: str, widths: tuple[int, ...], *, interpreted: bool) -> None:
    """Convert lines of a dtype to every other one, by machine code and by the interpreter."""
    cases = [(*case, lanes) for case in CASES if case[0] == source for lanes in widths]
    routines = [nest(*case) for case in cases]
    library = compiled(routines, target)
    for routine, (_, wanted, saturated, lanes) in zip(routines, cases, strict=True):
        verify(routine)
        with np.errstate(all="ignore"):
            values = numbers(source, wanted, saturated)
            right = expected(values, wanted, saturated)
        out = np.zeros(len(values), right.dtype)
        call(library, routine, {"line": values, "out": out}, {"width": len(values)}, 1)
        assert same(out, right), routine.name
        if interpreted and lanes == 8 and len(values) < 9000:
            again = np.zeros(len(values), right.dtype)
            interpret(routine, {"line": values, "out": again}, {"width": len(values)})
            assert same(again, right), routine.name


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
def test_no_conversion_is_a_library_call(target: Target) -> None:
    text = jit.make_assembly(
        module([nest(*case, lanes) for case in CASES for lanes in (1, 8)], target), target
    )
    assert [line for line in text.splitlines() if CALL.match(line)] == []


def test_a_library_call_would_be_seen() -> None:
    ir = "define float @f(half %x) {\n  %y = fpext half %x to float\n  ret float %y\n}"
    text = jit.make_assembly(ir, TARGETS["x86-64"])
    assert any(CALL.match(line) or "jmp" in line for line in text.splitlines())
    assert not any(CALL.match(line) for line in jit.make_assembly(ir, AVX2).splitlines())
