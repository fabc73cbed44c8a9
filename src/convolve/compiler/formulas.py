"""Formulas of float32 numbers, from sums, products and quotients: exponentials and what needs them.

Errors against float64 (tests/compiler/test_pointwise.py holds them to these): exp 1 unit in the last place,
sigmoid 2.5, tanh and erf 4e-7 relative.
"""

import math
from collections.abc import Sequence

from convolve.compiler.expressions import Value, Writer

HALF = 12582912.0
"""1.5 · 2²³: added to a float32 below 2²² and subtracted again it leaves the nearest whole number."""

LOWEST, HIGHEST = -104.0, 89.0
"""Beyond these e^x is 0 and infinity: so the power of two fits into two factors."""

LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4
"""ln 2 in two parts, the first of nine bits: times a whole number below 256 it is exact (Cody and Waite)."""

EXP = tuple(1 / math.factorial(n) for n in range(7, -1, -1))
"""Taylor's series up to degree 7: for |r| <= ln 2 / 2 what is left out is below 6e-9."""

TANH = (
    (-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
     1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03),
    (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03),
)  # fmt: skip
ERF = (
    (-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
     -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02),
    (-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
     -1.42647390514189e-02),
)  # fmt: skip
"""Coefficients of x·P(x²) / Q(x²), the highest first: the rational approximations that Eigen publishes
(Eigen/src/Core/MathFunctionsImpl.h)."""

TANH_END, ERF_END = 7.90531110763549805, 4.0
"""From here on the approximations are 1."""


def polynomial(write: Writer, x: Value, coefficients: Sequence[float]) -> Value:
    """Return a polynomial by Horner's rule, the coefficient of the highest power first."""
    total: Value = coefficients[0]
    for number in coefficients[1:]:
        total = write("fma", total, x, number)
    return total


def between(write: Writer, x: Value, low: float, high: float) -> Value:
    """Return the number, or the nearer end where it lies outside; NaN stays."""
    return write("smaller", write("larger", x, low), high)


def exp(write: Writer, x: Value) -> Value:
    """Return e^x: 2^n · e^r with the whole number n nearest to x / ln 2."""
    x = between(write, x, LOWEST, HIGHEST)
    n = write("subtract", write("fma", x, 1 / math.log(2), HALF), HALF)
    r = write("fma", n, -LN2_LOW, write("fma", n, -LN2_HIGH, x))
    return write("scale", polynomial(write, r, EXP), n)


def sigmoid(write: Writer, x: Value) -> Value:
    """Return 1 / (1 + e^-x)."""
    return write("divide", 1.0, write("add", exp(write, write("subtract", 0.0, x)), 1.0))


def _odd(write: Writer, x: Value, ratio: tuple[Sequence[float], Sequence[float]], end: float) -> Value:
    """Return x·P(x²) / Q(x²) of a number that is first set to ±end where it lies beyond."""
    x = between(write, x, -end, end)
    square = write("multiply", x, x)
    above, below = (polynomial(write, square, part) for part in ratio)
    return write("divide", write("multiply", x, above), below)


def tanh(write: Writer, x: Value) -> Value:
    """Return the hyperbolic tangent."""
    return between(write, _odd(write, x, TANH, TANH_END), -1.0, 1.0)


def erf(write: Writer, x: Value) -> Value:
    """Return the error function."""
    return between(write, _odd(write, x, ERF, ERF_END), -1.0, 1.0)


def relu(write: Writer, x: Value) -> Value:
    """Return 0 for negative numbers."""
    return write("relu", x)


def clip(write: Writer, x: Value, low: float, high: float) -> Value:
    """Return the number, or the nearer limit where it lies outside."""
    if low == 0:
        x = write("relu", x)
    elif low > -math.inf:
        x = write("larger", x, low)
    return x if high == math.inf else write("smaller", x, high)


def leaky_relu(write: Writer, x: Value, slope: Value) -> Value:
    """Return the number, times a slope where it is negative: max(x, 0) + slope · min(x, 0)."""
    return write("fma", write("smaller", x, 0.0), slope, write("relu", x))


def hard_sigmoid(write: Writer, x: Value, alpha: float = 1 / 6, beta: float = 0.5) -> Value:
    """Return alpha · x + beta, set to 0 and 1 beyond these."""
    return clip(write, write("fma", x, alpha, beta), 0.0, 1.0)


def hard_swish(write: Writer, x: Value) -> Value:
    """Return x · hard_sigmoid(x)."""
    return write("multiply", x, hard_sigmoid(write, x))


def silu(write: Writer, x: Value) -> Value:
    """Return x · sigmoid(x)."""
    return write("multiply", x, sigmoid(write, x))


def gelu(write: Writer, x: Value) -> Value:
    """Return x / 2 · (1 + erf(x / √2))."""
    half = write("multiply", x, 0.5)
    return write("fma", half, erf(write, write("multiply", x, math.sqrt(0.5))), half)


def gelu_by_tanh(write: Writer, x: Value) -> Value:
    """Return the approximation x / 2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))."""
    inner = write("fma", write("multiply", x, 0.044715), write("multiply", x, x), x)
    half = write("multiply", x, 0.5)
    return write("fma", half, tanh(write, write("multiply", inner, math.sqrt(2 / math.pi))), half)


def elu(write: Writer, x: Value, alpha: float = 1.0) -> Value:
    """Return the number, and alpha · (e^x - 1) where it is negative."""
    below = write("subtract", exp(write, write("smaller", x, 0.0)), 1.0)
    return write("fma", below, alpha, write("relu", x))
