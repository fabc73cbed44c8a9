"""A function's IR as text in pieces, and registers that live across its basic blocks.

A piece that stands earlier in the function can still grow while a later one is written: that is how
address arithmetic is placed outside the loops that do not change it.
"""

Piece = list[str]

LLVM_TYPES = {
    "bool": "i8", "int8": "i8", "uint8": "i8", "int16": "i16", "uint16": "i16", "int32": "i32",
    "uint32": "i32", "int64": "i64", "uint64": "i64", "float16": "i16", "bfloat16": "i16",
    "float32": "float", "float64": "double",
}  # fmt: skip
"""dtype -> LLVM's name. Floats of 16 bits are bits until they are converted: nothing is computed in them."""


def vector_type(dtype: str, lanes: int) -> str:
    """Return LLVM's type of a register.

    >>> vector_type("float32", 8), vector_type("float64", 1)
    ('<8 x float>', 'double')
    """
    return LLVM_TYPES[dtype] if lanes == 1 else f"<{lanes} x {LLVM_TYPES[dtype]}>"


class Code:
    """The text of one function."""

    def __init__(self, header: str) -> None:
        self.slots: Piece = []
        self.pieces: list[Piece] = [[header, "entry:"], self.slots, []]
        self._names = 0

    def fresh(self, hint: str = "v") -> str:
        """Return a value name that has not been used."""
        self._names += 1
        return f"%{hint}.{self._names}"

    def write(self, line: str) -> None:
        """Write a line at the end."""
        self.pieces[-1].append(line)

    def new_piece(self) -> Piece:
        """Leave a piece that can grow later, and go on after it."""
        piece: Piece = []
        self.pieces += [piece, []]
        return piece

    def value(self, text: str, piece: Piece | None = None, hint: str = "v") -> str:
        """Write an instruction and return the name of its result."""
        name = self.fresh(hint)
        (self.pieces[-1] if piece is None else piece).append(f"  {name} = {text}")
        return name

    def slot(self, kind: str, value: str | None = None, name: str | None = None) -> str:
        """Return a stack slot, which LLVM's "sroa" pass turns into registers and phis."""
        slot = name or self.fresh("slot")
        self.slots.append(f"  {slot} = alloca {kind}")
        if value is not None:
            self.write(f"  store {kind} {value}, ptr {slot}")
        return slot

    def label(self, name: str) -> None:
        """Begin a basic block."""
        self.write(f"{name.removeprefix('%')}:")

    def text(self) -> str:
        """Return everything that was written."""
        return "\n".join(line for piece in self.pieces for line in piece)


class Registers:
    """Registers of the loop language as LLVM values.

    Within a basic block a register is simply its latest value. Between blocks it rests in a stack slot,
    which LLVM's "sroa" pass turns back into a register: so no phi has to be written by hand.
    """

    def __init__(self, code: Code) -> None:
        self._code = code
        self._types: dict[str, tuple[str, int]] = {}
        self._values: dict[str, str] = {}
        self._changed: set[str] = set()

    def set(self, name: str, value: str, dtype: str, lanes: int) -> None:
        """Give a register a value."""
        if name not in self._types:
            self._types[name] = (dtype, lanes)
            self._code.slot(vector_type(dtype, lanes), name=f"%slot.{name}")
        assert self._types[name] == (dtype, lanes), f"register {name} keeps its type"
        self._values[name] = value
        self._changed.add(name)

    def get(self, name: str) -> str:
        """Return a register's value."""
        if name not in self._values:
            self._values[name] = self._code.value(f"load {self.type_of(name)}, ptr %slot.{name}")
        return self._values[name]

    def kind(self, name: str) -> tuple[str, int]:
        """Return a register's dtype and lanes."""
        return self._types[name]

    def type_of(self, name: str) -> str:
        """Return a register's LLVM type."""
        return vector_type(*self._types[name])

    def end_block(self) -> None:
        """Bring all registers into their slots: the basic block ends here."""
        for name in sorted(self._changed):
            self._code.write(f"  store {self.type_of(name)} {self._values[name]}, ptr %slot.{name}")
        self._values.clear()
        self._changed.clear()
