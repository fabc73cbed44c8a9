"""Winograd's transforms along one dimension, as statements; `convolve.compiler.winograd` explains them."""

from collections.abc import Sequence
from fractions import Fraction

from convolve.compiler.builder import Pen
from convolve.compiler.winograd import Winograd


class Transforms:
    """Writes transforms of registers of so many lanes; registers of results begin with ``name``."""

    def __init__(self, pen: Pen, winograd: Winograd, dtype: str, lanes: int) -> None:
        self.pen, self.winograd, self.dtype, self.lanes = pen, winograd, dtype, lanes

    def cells(self, name: str, cells: Sequence[str]) -> list[str]:
        """Transform the cells of a tile; the highest power's coefficient is always 1."""
        winograd = self.winograd
        results = [self._sum(f"{name}0", winograd.zero, cells[0::2])]
        for pair in winograd.pairs:
            even = self._sum(f"{name}_even", pair.others, cells[2::2][: len(pair.others)])
            odd = self._sum(f"{name}_odd", pair.others, cells[1::2][: len(pair.others)])
            for sign in (1, -1):
                register = f"{name}{len(results)}"
                results.append(self._add_times(register, even, odd, sign * pair.point))
        results.append(self._sum(f"{name}{len(results)}", winograd.zero, cells[1::2]))
        return results

    def weights(self, name: str, taps: Sequence[str]) -> list[str]:
        """Evaluate a filter of three taps at all points, without `Winograd.scale`."""
        first, middle, last = taps
        results = [first]
        for pair in self.winograd.pairs:
            even = self._add_times(f"{name}_even", first, last, pair.point**2)
            for sign in (1, -1):
                register = f"{name}{len(results)}"
                results.append(self._add_times(register, even, middle, sign * pair.point))
        return [*results, last]

    def outputs(self, name: str, products: Sequence[str], bias: str | None = None) -> list[str]:
        """Turn the products at all points into outputs; a bias is added to each."""
        winograd = self.winograd
        sums: list[list[str]] = [[], []]
        for place in range(len(winograd.pairs)):
            plus, minus = products[1 + 2 * place], products[2 + 2 * place]
            sums[0].append(self.pen.compute(f"{name}_sum{place}", "add", plus, minus))
            sums[1].append(self._add_times(f"{name}_difference{place}", plus, minus, Fraction(-1)))
        results = []
        for power in range(winograd.outputs):
            start = {0: products[0], winograd.outputs - 1: products[-1]}.get(power)
            start = self._with_bias(f"{name}_start", start, bias)
            factors = [pair.point**power for pair in winograd.pairs]
            results.append(self._weighted(f"{name}{power}", factors, sums[power % 2], start))
        return results

    def scaled(self, name: str, register: str, down: int, across: int) -> str:
        """Divide a filter's value at a point of both dimensions by its scales, in one multiplication."""
        factor = 1 / (self.winograd.scale(down) * self.winograd.scale(across))
        return self._times(name, register, factor)

    # -- sums ------------------------------------------------------------------------------------------

    def _with_bias(self, name: str, start: str | None, bias: str | None) -> str | None:
        if start is None or bias is None:
            return start or bias
        return self.pen.compute(name, "add", start, bias)

    def _weighted(
        self, name: str, factors: Sequence[Fraction], terms: Sequence[str], start: str | None
    ) -> str:
        """Return start + Σ factor · term."""
        if start is None:
            start, factors, terms = self._times(name, terms[0], factors[0]), factors[1:], terms[1:]
        for factor, term in zip(factors, terms, strict=True):
            start = self._add_times(name, start, term, factor)
        return start

    def _sum(self, name: str, coefficients: Sequence[Fraction], terms: Sequence[str]) -> str:
        """Return Σ coefficient · term; the last coefficient is 1."""
        return self._weighted(name, coefficients[:-1][::-1], terms[:-1][::-1], terms[-1])

    def _add_times(self, name: str, start: str, term: str, factor: Fraction) -> str:
        """Return start + factor · term."""
        if factor == 1:
            return self.pen.compute(name, "add", start, term)
        return self.pen.compute(name, "fma", term, self._number(factor), start)

    def _times(self, name: str, term: str, factor: Fraction) -> str:
        return term if factor == 1 else self.pen.compute(name, "multiply", term, self._number(factor))

    def _number(self, value: Fraction) -> str:
        """Return a register that holds a constant."""
        sign = "minus_" if value < 0 else ""
        name = f"{sign}{abs(value.numerator)}_{value.denominator}"
        return self.pen.number(name, float(value), self.dtype, self.lanes)
