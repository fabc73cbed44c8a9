"""Index expressions and accesses -> integers and pointers, each computed in the outermost place it can be.

Every body that binds symbols is a `Scope` with a piece of code at its beginning. A sum such as
``c·plane + y·row + 4·x`` is split by scope: what depends on outer symbols only is added up out there, once,
and remembered. LLVM therefore gets loops whose bodies hold nothing but what changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from convolve.compiler.affine import Affine
from convolve.compiler.layout import argument_layout, fixed_stride
from convolve.compiler.llvm.code import Code, Piece
from convolve.compiler.loopnest import Access, Buffer, Routine


@dataclass(slots=True)
class Scope:
    """A body: where code that depends on nothing further inside goes, and what has been computed there."""

    piece: Piece
    known: dict[object, str] = field(default_factory=dict)


class Addresses:
    """Symbols, indices and addresses of one function."""

    def __init__(self, routine: Routine, code: Code, entry: Piece) -> None:
        self._routine = routine
        self._code = code
        self._layout = argument_layout(routine)
        self._scopes = [Scope(entry)]
        self._symbols: dict[str, tuple[str, int]] = {}
        for name in routine.parameters:
            self._symbols[name] = (self._argument(self._layout.parameters[name]), 0)

    @property
    def depth(self) -> int:
        """Number of open scopes."""
        return len(self._scopes)

    def open(self) -> None:
        """Begin a body here."""
        self._scopes.append(Scope(self._code.new_piece()))

    def close(self, depth: int) -> None:
        """End bodies until so many scopes are open."""
        del self._scopes[depth:]

    def bind(self, symbol: str, value: str) -> None:
        """Give a symbol its value in the innermost scope."""
        self._symbols[symbol] = (value, len(self._scopes) - 1)

    def value(self, expression: Affine) -> str:
        """Return an index expression as a 64-bit integer."""
        total, depth = str(expression.constant), 0
        for name, count in sorted(expression.terms, key=lambda term: self._symbols[term[0]][1]):
            depth = self._symbols[name][1]
            part = self._times(name, str(count))
            total = part if total == "0" else self._at(depth, f"add i64 {total}, {part}")
        return total

    def extreme(self, expressions: Sequence[Affine], order: str) -> str:
        """Return the first of several index expressions in an order, "slt" for the smallest."""
        best, depth = self.value(expressions[0]), self._depth_of(expressions[0])
        for expression in expressions[1:]:
            depth = max(depth, self._depth_of(expression))
            other = self.value(expression)
            first = self._at(depth, f"icmp {order} i64 {best}, {other}")
            best = self._at(depth, f"select i1 {first}, i64 {best}, i64 {other}")
        return best

    def _depth_of(self, expression: Affine) -> int:
        """Return the innermost scope that binds a symbol of an expression."""
        return max((self._symbols[name][1] for name, _ in expression.terms), default=0)

    def pointer(self, access: Access) -> str:
        """Return the address of an access."""
        buffer = self._routine.buffer(access.buffer)
        terms, fixed, displacement = [], [], 0
        for dimension, index in enumerate(access.index):
            stride = self._stride(buffer, dimension)
            terms += [(self._symbols[name][1], name, count, stride) for name, count in index.terms]
            if not stride.startswith("%"):
                displacement += index.constant * int(stride)
            elif index.constant:
                fixed.append(self._product(stride, index.constant))
        address = self._base(access.buffer)
        for depth, name, count, stride in sorted(terms):
            address = self._at(
                depth, f"getelementptr i8, ptr {address}, i64 {self._scaled(name, count, stride)}"
            )
        for offset in fixed:
            address = self._at(self._innermost(terms), f"getelementptr i8, ptr {address}, i64 {offset}")
        if displacement:
            address = self._at(self._innermost(terms), f"getelementptr i8, ptr {address}, i64 {displacement}")
        return address

    def _innermost(self, terms: list[tuple[int, str, int, str]]) -> int:
        return max((depth for depth, *_ in terms), default=0)

    def _scaled(self, name: str, count: int, stride: str) -> str:
        """Return symbol · count · stride."""
        return self._times(name, self._product(stride, count))

    def _times(self, name: str, factor: str) -> str:
        value, depth = self._symbols[name]
        return value if factor == "1" else self._at(depth, f"mul i64 {value}, {factor}")

    def _product(self, stride: str, count: int) -> str:
        """Return stride · count, outside all loops."""
        if not stride.startswith("%"):
            return str(int(stride) * count)
        return stride if count == 1 else self._at(0, f"mul i64 {stride}, {count}")

    def _at(self, depth: int, instruction: str) -> str:
        """Compute something at the beginning of a scope, or remember that it has been."""
        scope = self._scopes[depth]
        if instruction not in scope.known:
            scope.known[instruction] = self._code.value(instruction, scope.piece)
        return scope.known[instruction]

    def _argument(self, place: int) -> str:
        where = self._at(0, f"getelementptr i64, ptr %args, i64 {place}")
        return self._at(0, f"load i64, ptr {where}")

    def _stride(self, buffer: Buffer, dimension: int) -> str:
        """Return the bytes from one index to the next: a number where it is known, else an argument."""
        known = fixed_stride(buffer, dimension)
        if known is not None:
            return str(known)
        return self._argument(self._layout.strides[buffer.name] + dimension)

    def _base(self, buffer: str) -> str:
        word = self._argument(self._layout.pointers[buffer])
        if self._routine.buffer(buffer).role == "scratch":
            return self._at(0, f"getelementptr i8, ptr %scratch, i64 {word}")
        return self._at(0, f"inttoptr i64 {word} to ptr")
