"""Registers of a loop nest: set before they are used on every path, and always of one dtype and width."""

from collections.abc import Sequence
from typing import NoReturn

from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.loopnest import (
    OPERATIONS,
    Body,
    Compute,
    Convert,
    Join,
    Load,
    Mark,
    Number,
    Ramp,
    Repeat,
    Routine,
    Select,
    Statement,
    Store,
    Transpose,
    When,
)
from convolve.compiler.printer import head
from convolve.errors import VerificationError

UNCOMPUTED = ("float16", "bfloat16", "bool")
"""dtypes of numbers in memory only: registers hold their bits, converted before anything is computed."""

MOVING = ("copy", "even", "odd")
"""Operations that only move numbers."""

OF_FLOATS = ("square_root", "scale")
"""Operations that integers do not have."""

Kind = tuple[str, int]
"""dtype and lanes of a register."""


def check_registers(routine: Routine) -> None:
    """Raise `VerificationError` if a register is used before it is set, or used as what it is not.

    >>> from convolve.compiler.builder import Pen
    >>> pen = Pen()
    >>> _ = pen.compute("a", "copy", "b")
    >>> check_registers(Routine("early", (), (), (), pen.body()))
    Traceback (most recent call last):
    convolve.errors.VerificationError: early: a = copy(b): the register b is used before it is set
    """
    _Registers(routine).body(routine.body, set())


class _Registers:
    def __init__(self, routine: Routine) -> None:
        self.name = routine.name
        self.dtypes = {buffer.name: buffer.dtype for buffer in routine.buffers}
        self.kinds: dict[str, Kind] = {}

    def body(self, body: Body, known: set[str]) -> None:
        """Check statements, given the registers that are set before; those that they set are added."""
        for statement in body:
            if isinstance(statement, When):
                then, otherwise = set(known), set(known)
                self.body(statement.body, then)
                self.body(statement.otherwise, otherwise)
                known |= then & otherwise
            elif hasattr(statement, "body"):
                self.body(statement.body, set(known))  # a loop may run no time at all
            else:
                self.statement(statement, known)

    def statement(self, statement: Statement, known: set[str]) -> None:
        """Check a statement that has no body."""
        match statement:
            case Compute(register, operation, arguments):
                count = OPERATIONS.get(operation)
                if count != len(arguments):
                    self.refuse(statement, f"{operation} takes {count} arguments")
                kind = self.used(statement, arguments, known)
                if kind[0] in UNCOMPUTED and operation not in MOVING:
                    self.refuse(statement, f"nothing is computed in {kind[0]}; convert it first")
                if operation in OF_FLOATS and not kind[0].startswith("float"):
                    self.refuse(statement, f"{kind[0]} has no {operation}")
                if operation == "dot" and kind[0] != "int32":
                    self.refuse(statement, f"bytes are summed up in int32, not in {kind[0]}")
                self.set(statement, register, kind, known)
            case Load(register, access):
                self.set(statement, register, (self.dtypes.get(access.buffer, ""), access.lanes), known)
            case Repeat(register, access, lanes):
                if access.lanes != 1:
                    self.refuse(statement, "one number is repeated, not several")
                self.set(statement, register, (self.dtypes.get(access.buffer, ""), lanes), known)
            case Store(access, register):
                if access.step != 1:
                    self.refuse(statement, "neighbours are stored, not numbers a step apart")
                kind = self.used(statement, [register], known)
                if kind != (self.dtypes.get(access.buffer, ""), access.lanes):
                    self.refuse(statement, f"the register holds {kind[1]} × {kind[0]}")
            case Mark(access, register):
                kind = self.used(statement, [register], known)
                if access.lanes != 1 or kind[0] != self.dtypes.get(access.buffer, ""):
                    self.refuse(statement, f"one {kind[0]} is marked")
            case Number(register, _, dtype, lanes):
                self.set(statement, register, (dtype, lanes), known)
            case Ramp(register, _, _, lanes):
                self.set(statement, register, ("int64", lanes), known)
            case Select(register, new, old, winner, loser):
                compared = self.used(statement, [new, old], known)
                kind = self.used(statement, [winner, loser], known)
                if compared[1] != kind[1]:
                    self.refuse(statement, f"{compared[1]} lanes cannot choose among {kind[1]}")
                self.set(statement, register, kind, known)
            case Convert(register, dtype, argument):
                if dtype not in ITEM_BYTES:
                    self.refuse(statement, f"there is no dtype {dtype}")
                _, lanes = self.used(statement, [argument], known)
                self.set(statement, register, (dtype, lanes), known)
            case Join(register, argument):
                dtype, lanes = self.used(statement, [argument], known)
                if dtype != "uint8" or lanes % 4:
                    self.refuse(
                        statement, f"words are joined from uint8 by fours, not from {lanes} × {dtype}"
                    )
                self.set(statement, register, ("int32", lanes // 4), known)
            case Transpose(registers, arguments):
                kind = self.used(statement, arguments, known)
                if not len(registers) == len(arguments) == kind[1]:
                    self.refuse(statement, f"{kind[1]} lanes take as many registers")
                for register in registers:
                    self.set(statement, register, kind, known)

    def used(self, statement: Statement, registers: Sequence[str], known: set[str]) -> Kind:
        """Return the kind that all the registers read by a statement share."""
        for register in registers:
            if register not in known:
                self.refuse(statement, f"the register {register} is used before it is set")
        kinds = {self.kinds[register] for register in registers}
        if len(kinds) != 1:
            self.refuse(statement, "its arguments differ in dtype or lanes")
        return kinds.pop()

    def set(self, statement: Statement, register: str, kind: Kind, known: set[str]) -> None:
        """Note that a register is set."""
        if self.kinds.setdefault(register, kind) != kind:
            self.refuse(statement, f"the register {register} changes its dtype or lanes")
        known.add(register)

    def refuse(self, statement: Statement, reason: str) -> NoReturn:
        """Raise the error."""
        raise VerificationError(f"{self.name}: {head(statement)}: {reason}")
