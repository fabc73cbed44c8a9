"""Operations of the loop language -> LLVM IR: one short function each, and the table that names them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.llvm.code import vector_type
from convolve.compiler.llvm.conversions import FLOATS

if TYPE_CHECKING:  # the emitter calls these functions, and they write with its means
    from convolve.compiler.llvm.emitter import Emitter

Operation = Callable[["Emitter", str, int, list[str]], str]
"""(emitter, dtype, lanes, values) -> the value that was emitted."""

SUFFIXES = {"float32": "f32", "float64": "f64"}


def _intrinsic(emitter: "Emitter", name: str, dtype: str, lanes: int, values: list[str]) -> str:
    """Call one of LLVM's functions of numbers of one dtype."""
    kind = vector_type(dtype, lanes)
    full = f"@llvm.{name}.{f'v{lanes}' if lanes > 1 else ''}{SUFFIXES[dtype]}"
    emitter.declared.add(f"declare {kind} {full}({', '.join([kind] * len(values))})")
    given = ", ".join(f"{kind} {value}" for value in values)
    return emitter.code.value(f"call {kind} {full}({given})")


def _binary(instruction: str) -> Operation:
    """Return the emitter of an instruction of two numbers; that of integers has no f in front."""
    return lambda emitter, dtype, lanes, values: emitter.code.value(
        f"{instruction if dtype in FLOATS else instruction[1:]} {vector_type(dtype, lanes)} "
        f"{values[0]}, {values[1]}"
    )


def _fma(emitter: "Emitter", dtype: str, lanes: int, values: list[str]) -> str:
    """a·b + c, rounded once where the target can, else twice; integers wrap around."""
    a, b, c = values
    if dtype in FLOATS and emitter.target.fma:
        return _intrinsic(emitter, "fma", dtype, lanes, values)
    product = _binary("fmul")(emitter, dtype, lanes, [a, b])
    return _binary("fadd")(emitter, dtype, lanes, [product, c])


def _dot(emitter: "Emitter", dtype: str, lanes: int, values: list[str]) -> str:
    """Add four products of bytes in each lane; only where the target has an instruction for it."""
    assert emitter.target.dots, "no plan takes it elsewhere"
    kind = vector_type(dtype, lanes)
    name = f"@llvm.x86.avx512.vpdpbusd.{8 * ITEM_BYTES[dtype] * lanes}"
    emitter.declared.add(f"declare {kind} {name}({kind}, {kind}, {kind})")
    unsigned, signed, total = values
    return emitter.code.value(f"call {kind} {name}({kind} {total}, {kind} {unsigned}, {kind} {signed})")


def _larger(emitter: "Emitter", dtype: str, lanes: int, values: list[str]) -> str:
    """Return the larger of two, the second if they are equal, NaN if one is."""
    if dtype not in FLOATS:
        return emitter.choice(dtype, lanes, emitter.beats(dtype, lanes, *values), *values)
    return _extreme(emitter, "ogt", dtype, lanes, values)


def _smaller(emitter: "Emitter", dtype: str, lanes: int, values: list[str]) -> str:
    """Return the smaller of two, the second if they are equal, NaN if one is."""
    first, second = values
    if dtype not in FLOATS:
        return emitter.choice(dtype, lanes, emitter.beats(dtype, lanes, second, first), first, second)
    return _extreme(emitter, "olt", dtype, lanes, values)


def _extreme(emitter: "Emitter", order: str, dtype: str, lanes: int, values: list[str]) -> str:
    """Return the first of two floats in an order.

    x86's maximum and minimum give their second operand if one is NaN, so that only the first must be looked
    at.
    """
    kind = vector_type(dtype, lanes)
    first, second = values
    before = emitter.code.value(f"fcmp {order} {kind} {first}, {second}")
    chosen = emitter.choice(dtype, lanes, before, first, second)
    missing = emitter.code.value(f"fcmp uno {kind} {first}, {first}")
    return emitter.choice(dtype, lanes, missing, first, chosen)


def _half(first: int) -> Operation:
    """Return the emitter of every second number of two registers."""
    return lambda emitter, dtype, lanes, values: emitter.shuffler(dtype, lanes)(
        values[0], values[1], range(first, 2 * lanes, 2)
    )


def _relu(emitter: "Emitter", dtype: str, lanes: int, values: list[str]) -> str:
    """0 where the number is below 0; NaN stays."""
    kind, zero = vector_type(dtype, lanes), emitter.constant(0.0, dtype, lanes)
    comparison = "fcmp olt" if dtype in FLOATS else "icmp slt"
    below = emitter.code.value(f"{comparison} {kind} {values[0]}, {zero}")
    return emitter.choice(dtype, lanes, below, zero, values[0])


def _square_root(emitter: "Emitter", dtype: str, lanes: int, values: list[str]) -> str:
    """Return the square root, rounded correctly."""
    return _intrinsic(emitter, "sqrt", dtype, lanes, values)


def _scale(emitter: "Emitter", dtype: str, lanes: int, values: list[str]) -> str:
    """Return a·2^b by two factors of about half the exponent, whose bits are put together as integers.

    ``freeze``: of NaN, LLVM's conversion to an integer may be anything, which must not reach the result's
    bits by way of an assumption; the product is NaN already.
    """
    code, (number, power) = emitter.code, values
    bits = {"float32": "int32", "float64": "int64"}[dtype]
    kind, whole = vector_type(dtype, lanes), vector_type(bits, lanes)
    places, bias = {"float32": (23, 127), "float64": (52, 1023)}[dtype]

    def constant(value: int) -> str:
        return emitter.constant(value, bits, lanes)

    exponent = code.value(f"freeze {whole} {code.value(f'fptosi {kind} {power} to {whole}')}")
    low = code.value(f"ashr {whole} {exponent}, {constant(1)}")
    for part in (low, code.value(f"sub {whole} {exponent}, {low}")):
        biased = code.value(f"add {whole} {part}, {constant(bias)}")
        shifted = code.value(f"shl {whole} {biased}, {constant(places)}")
        factor = code.value(f"bitcast {whole} {shifted} to {kind}")
        number = code.value(f"fmul {kind} {number}, {factor}")
    return number


def _poison(emitter: "Emitter", dtype: str, lanes: int, values: list[str]) -> str:
    """Return a + 0·b: it stays a for every finite b, and is NaN after an infinity or a NaN."""
    if dtype not in FLOATS:
        return values[0]
    nothing = _binary("fmul")(emitter, dtype, lanes, [values[1], emitter.constant(0.0, dtype, lanes)])
    return _binary("fadd")(emitter, dtype, lanes, [values[0], nothing])


OPERATIONS: dict[str, Operation] = {
    "copy": lambda emitter, dtype, lanes, values: values[0],
    "even": _half(0),
    "odd": _half(1),
    "fma": _fma,
    "add": _binary("fadd"),
    "subtract": _binary("fsub"),
    "multiply": _binary("fmul"),
    "divide": _binary("fdiv"),
    "larger": _larger,
    "smaller": _smaller,
    "square_root": _square_root,
    "scale": _scale,
    "relu": _relu,
    "poison": _poison,
    "dot": _dot,
}
"""Operation -> its emitter."""
