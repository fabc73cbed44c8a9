"""Converting between dtypes, lane by lane, in instructions that every target has.

LLVM calls library functions for what a target lacks: rounding on plain x86-64, float16 without its
instructions, bfloat16 nearly everywhere. A call in an inner block costs more than the block, so those are bit
arithmetic here.
"""

import struct

from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.llvm.code import LLVM_TYPES, Code
from convolve.compiler.target import Target

HALVES = ("float16", "bfloat16")
FLOATS = ("float32", "float64")

RANGES = {
    "bool": (0, 1),
    **{f"int{bits}": (-(1 << bits - 1), (1 << bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (0, (1 << bits) - 1) for bits in (8, 16, 32, 64)},
}
"""Integer dtype -> its smallest and its largest value."""

ROUNDER = {"float32": 1.5 * 2**23, "float64": 1.5 * 2**52}
"""A float to which whole numbers are added exactly and others rounded, halves to even: what is left in its
lowest bits is the rounded number, for numbers below a third of it."""


def convert(
    code: Code, target: Target, value: str, dtypes: tuple[str, str], lanes: int, saturated: bool
) -> str:
    """Emit the conversion of a register from the first dtype to the second."""
    source, wanted = dtypes
    emit = _Conversion(code, target, lanes)
    if source == wanted:
        return value
    if source in HALVES:
        value, source = emit.widened(value, source), "float32"
    if source not in FLOATS:
        if wanted in FLOATS:
            return emit.to_float(value, source, wanted)
        return emit.to_integer(value, source, wanted, saturated)
    if wanted in HALVES:
        assert source == "float32", "by way of it a float64 would be rounded twice"
        return emit.narrowed(value, wanted)
    if wanted in FLOATS:
        return emit.between_floats(value, source, wanted)
    if saturated:
        return emit.rounded(value, source, wanted)
    return emit.whole(value, source, wanted)


class _Conversion:
    def __init__(self, code: Code, target: Target, lanes: int) -> None:
        self.code, self.target, self.lanes = code, target, lanes

    def vector(self, kind: str) -> str:
        """Return the type of as many numbers of an LLVM type as there are lanes."""
        return kind if self.lanes == 1 else f"<{self.lanes} x {kind}>"

    def constant(self, kind: str, number: float) -> str:
        """Return a number in every lane."""
        text = str(int(number))
        if kind in LLVM_TYPES.values() and not kind.startswith("i"):
            text = f"0x{struct.pack('>d', number).hex().upper()}"
        return text if self.lanes == 1 else "<" + ", ".join([f"{kind} {text}"] * self.lanes) + ">"

    def operate(self, operation: str, kind: str, value: str, other: str | float) -> str:
        """Emit an operation on a register and another one, or a constant."""
        right = other if isinstance(other, str) else self.constant(kind, other)
        return self.code.value(f"{operation} {self.vector(kind)} {value}, {right}")

    def cast(self, operation: str, value: str, kind: str, wanted: str) -> str:
        """Emit a cast from one LLVM type to another."""
        if kind == wanted:
            return value
        return self.code.value(f"{operation} {self.vector(kind)} {value} to {self.vector(wanted)}")

    def choose(self, condition: str, kind: str, yes: str, no: str) -> str:
        """Emit a choice lane by lane."""
        typed = self.vector(kind)
        return self.code.value(f"select {self.vector('i1')} {condition}, {typed} {yes}, {typed} {no}")

    # -- integers --------------------------------------------------------------------------------------

    def to_float(self, value: str, source: str, wanted: str) -> str:
        """Return integers as floats; those of 8 and 16 bits by way of 32, where vectors have instructions."""
        if ITEM_BYTES[source] < 4:
            value, source = self.to_integer(value, source, "int32", False), "int32"
        operation = "uitofp" if source.startswith("u") else "sitofp"
        return self.cast(operation, value, LLVM_TYPES[source], LLVM_TYPES[wanted])

    def to_integer(self, value: str, source: str, wanted: str, saturated: bool) -> str:
        """Return integers of another width; a bool counts as one whatever its byte holds."""
        kind = LLVM_TYPES[source]
        if source == "bool":
            truth = self.operate("icmp ne", kind, value, 0)
            return self.cast("zext", truth, "i1", LLVM_TYPES[wanted])
        if saturated:
            value = self.limited(value, source, wanted)
        if ITEM_BYTES[wanted] < ITEM_BYTES[source]:
            return self.cast("trunc", value, kind, LLVM_TYPES[wanted])
        return self.cast("zext" if source.startswith("u") else "sext", value, kind, LLVM_TYPES[wanted])

    def limited(self, value: str, source: str, wanted: str) -> str:
        """Return integers with those outside the range of another dtype set to its nearest end."""
        (low, high), (lowest, highest) = RANGES[source], RANGES[wanted]
        order, kind = "u" if source.startswith("u") else "s", LLVM_TYPES[source]
        for end, needed, comparison in ((lowest, lowest > low, "gt"), (highest, highest < high, "lt")):
            if needed:
                inside = self.operate(f"icmp {order}{comparison}", kind, value, end)
                value = self.choose(inside, kind, value, self.constant(kind, end))
        return value

    # -- floats to integers ----------------------------------------------------------------------------

    def whole(self, value: str, source: str, wanted: str) -> str:
        """Return floats that are whole numbers of at most as many bits as they have."""
        kind = "i32" if source == "float32" else "i64"
        number = self.cast("fptosi", value, LLVM_TYPES[source], kind)
        return self.to_integer(number, f"int{kind[1:]}", wanted, False)

    def rounded(self, value: str, source: str, wanted: str) -> str:
        """Return floats as the nearest integers that a dtype of at most 32 bits holds, halves to even.

        The ends of the range are whole, so setting to them before rounding gives the same.
        """
        assert ITEM_BYTES[wanted] <= 4, "a float64 does not tell the ends of 64 bits apart"
        if ITEM_BYTES[wanted] == 4:
            value, source = self.between_floats(value, source, "float64"), "float64"
        kind, bits = LLVM_TYPES[source], f"i{8 * ITEM_BYTES[source]}"
        for end, comparison in zip(RANGES[wanted], ("ogt", "olt"), strict=True):
            inside = self.operate(f"fcmp {comparison}", kind, value, float(end))
            value = self.choose(inside, kind, value, self.constant(kind, float(end)))
        shifted = self.operate("fadd", kind, value, ROUNDER[source])
        form = "f" if source == "float32" else "d"
        base = int.from_bytes(struct.pack(f">{form}", ROUNDER[source]), "big")
        number = self.operate("sub", bits, self.cast("bitcast", shifted, kind, bits), base)
        return self.to_integer(number, f"int{bits[1:]}", wanted, False)

    # -- floats ----------------------------------------------------------------------------------------

    def between_floats(self, value: str, source: str, wanted: str) -> str:
        """Return float32 as float64, or the other way round."""
        operation = "fpext" if ITEM_BYTES[wanted] > ITEM_BYTES[source] else "fptrunc"
        return self.cast(operation, value, LLVM_TYPES[source], LLVM_TYPES[wanted])

    def widened(self, value: str, source: str) -> str:
        """Return floats of 16 bits as float32, which holds each of them."""
        if source == "float16" and self.target.halves:
            return self.cast("fpext", self.cast("bitcast", value, "i16", "half"), "half", "float")
        bits = self.cast("zext", value, "i16", "i32")
        if source == "bfloat16":
            return self.cast("bitcast", self.operate("shl", "i32", bits, 16), "i32", "float")
        return self.widened_half(bits)

    def widened_half(self, bits: str) -> str:
        """Return float16 as float32: exponent and fraction move into place, then 2¹¹² mends the exponent.

        That also gives numbers below the smallest normal one their value. Infinity and NaN keep all bits of
        the exponent.
        """
        size = self.operate("and", "i32", bits, 0x7FFF)
        moved = self.operate("shl", "i32", size, 13)
        mended = self.operate("fmul", "float", self.cast("bitcast", moved, "i32", "float"), 2.0**112)
        special = self.operate("or", "i32", moved, 0x7F800000)
        finite = self.operate("icmp ult", "i32", size, 0x7C00)
        number = self.choose(finite, "i32", self.cast("bitcast", mended, "float", "i32"), special)
        sign = self.operate("shl", "i32", self.operate("and", "i32", bits, 0x8000), 16)
        return self.cast("bitcast", self.operate("or", "i32", number, sign), "i32", "float")

    def narrowed(self, value: str, wanted: str) -> str:
        """Return float32 as the nearest float of 16 bits, halves to even; NaN stays NaN."""
        if wanted == "float16" and self.target.halves:
            return self.cast("bitcast", self.cast("fptrunc", value, "float", "half"), "half", "i16")
        bits = self.cast("bitcast", value, "float", "i32")
        result = self.narrowed_bfloat(value, bits) if wanted == "bfloat16" else self.narrowed_half(bits)
        return self.cast("trunc", result, "i32", "i16")

    def narrowed_bfloat(self, value: str, bits: str) -> str:
        """Return the upper half of float32, rounded: just below a half is added, 1 more to odd numbers."""
        upper = self.operate("lshr", "i32", bits, 16)
        odd = self.operate("and", "i32", upper, 1)
        raised = self.operate("add", "i32", self.operate("add", "i32", bits, 0x7FFF), odd)
        quiet = self.operate("or", "i32", upper, 0x40)
        number = self.operate("fcmp ord", "float", value, value)
        return self.choose(number, "i32", self.operate("lshr", "i32", raised, 16), quiet)

    def narrowed_half(self, bits: str) -> str:
        """Return float16 in the lower half: normal numbers as above, smaller ones rounded by an addition."""
        size = self.operate("and", "i32", bits, 0x7FFFFFFF)
        odd = self.operate("and", "i32", self.operate("lshr", "i32", size, 13), 1)
        raised = self.operate("add", "i32", self.operate("add", "i32", size, 0xFFF - (112 << 23)), odd)
        normal = self.operate("lshr", "i32", raised, 13)
        shifted = self.operate("fadd", "float", self.cast("bitcast", size, "i32", "float"), 0.5)
        tiny = self.operate("sub", "i32", self.cast("bitcast", shifted, "float", "i32"), 0x3F000000)
        is_normal = self.operate("icmp uge", "i32", size, 113 << 23)
        result = self.choose(is_normal, "i32", normal, tiny)
        not_nan = self.operate("icmp ule", "i32", size, 0x7F800000)
        special = self.choose(not_nan, "i32", self.constant("i32", 0x7C00), self.constant("i32", 0x7E00))
        fits = self.operate("icmp ult", "i32", size, 143 << 23)
        result = self.choose(fits, "i32", result, special)
        sign = self.operate("and", "i32", self.operate("lshr", "i32", bits, 16), 0x8000)
        return self.operate("or", "i32", result, sign)
