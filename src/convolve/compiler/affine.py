"""Index arithmetic: sums of whole multiples of symbols, such as ``2·x + s − before``.

Every index, size and bound in the loop language is one of these, which is what lets the verifier reason
about all sizes at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Affine:
    """A constant plus whole multiples of symbols, in sorted order, none of them zero.

    >>> x = Affine.symbol("x")
    >>> print(2 * x + 3 - Affine.symbol("before"))
    2·x - before + 3
    """

    terms: tuple[tuple[str, int], ...] = ()
    constant: int = 0

    @classmethod
    def symbol(cls, name: str) -> "Affine":
        """Return the expression that is just this symbol."""
        return cls(((name, 1),), 0)

    @classmethod
    def of(cls, value: "Index") -> "Affine":
        """Return a whole number or an expression as an expression."""
        return value if isinstance(value, Affine) else cls((), value)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that occur."""
        return tuple(name for name, _ in self.terms)

    def coefficient(self, name: str) -> int:
        """Return the multiple of a symbol, 0 if it does not occur."""
        return dict(self.terms).get(name, 0)

    def value(self, values: Mapping[str, int]) -> int:
        """Return the number that this is for given values of the symbols."""
        return self.constant + sum(count * values[name] for name, count in self.terms)

    def __add__(self, other: "Index") -> "Affine":
        right = Affine.of(other)
        counts = dict(self.terms)
        for name, count in right.terms:
            counts[name] = counts.get(name, 0) + count
        kept = tuple(sorted((name, count) for name, count in counts.items() if count))
        return Affine(kept, self.constant + right.constant)

    def __mul__(self, factor: int) -> "Affine":
        if factor == 0:
            return Affine()
        return Affine(tuple((name, count * factor) for name, count in self.terms), self.constant * factor)

    def __neg__(self) -> "Affine":
        return self * -1

    def __sub__(self, other: "Index") -> "Affine":
        return self + -Affine.of(other)

    def __rsub__(self, other: "Index") -> "Affine":
        return Affine.of(other) - self

    __radd__ = __add__
    __rmul__ = __mul__

    def __str__(self) -> str:
        parts = []
        ordered = sorted(self.terms, key=lambda term: (term[1] < 0, term[0]))
        for name, count in ordered:
            size = name if abs(count) == 1 else f"{abs(count)}·{name}"
            parts.append(f"- {size}" if count < 0 else f"+ {size}")
        if self.constant or not parts:
            parts.append(f"- {-self.constant}" if self.constant < 0 else f"+ {self.constant}")
        text = " ".join(parts)
        return text[2:] if text.startswith("+ ") else "-" + text[2:]


Index = Affine | int
