"""In which dtypes a convolution is computed: floats in their own, integers exactly.

Sums of integers are taken in the narrowest dtype that holds every sum: in float32, whose multiply-adds are
the quickest, up to 2²⁴, then in int32, then in int64. The dtypes nearly always prove which that is. Where
they do not, the values decide, by a bound that takes one pass over the arrays.
"""

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np

from convolve.compiler.plan import Arithmetic
from convolve.dtypes import Array, DType, kind_of, sum_dtype
from convolve.exact import LARGEST_INT64, Sums, largest_sum, products_dtype, sum_bound, value_bound
from convolve.spec import ConvSpec

LARGEST = {"float32": 2**24, "int32": 2**31 - 1, "float64": 2**53, "int64": LARGEST_INT64}
"""dtype of sums -> the largest whole number up to which it holds all of them."""

Asks = Literal["nothing", "weights", "values"]


@dataclass(frozen=True, slots=True)
class Decision:
    """How one convolution is computed.

    Attributes
    ----------
    arithmetic
        What the routine is made for.
    finish
        What turns the routine's results into those asked for, in a pass of its own; None if the routine does.
    asks
        What the decision depends on beside the dtypes: on no value, on those of weight and bias, or on all.
    """

    arithmetic: Arithmetic
    finish: Sums | None = None
    asks: Asks = "nothing"


Arrays = tuple[Array, Array, Array | None]


def decide(spec: ConvSpec, arrays: Arrays | None = None) -> Decision | None:
    """Return the decision on a convolution, of complex numbers that on their parts.

    Parameters
    ----------
    arrays
        Input, weight and bias. Without them their values are taken to be small enough to overflow nothing.

    Returns
    -------
    Decision or None
        None if sums may exceed 64 bits, which only Python's own integers hold.
    """
    if arrays is None:
        return _usually(spec)
    usual = _usually(spec)
    return usual if usual is not None and usual.asks == "nothing" else _decide(spec, arrays)


@functools.lru_cache(maxsize=4096)
def _usually(spec: ConvSpec) -> Decision | None:
    return _decide(spec, None)


def _decide(spec: ConvSpec, arrays: Arrays | None) -> Decision | None:
    kind = kind_of(products_dtype(spec))
    if kind == "complex":
        return _of_parts(spec)
    decision = _of_integers(spec, arrays) if kind == "integer" else _of_floats(spec, arrays)
    if decision is None or decision.finish is not None or spec.operation == "conv":
        return decision
    given = decision.arithmetic  # other operations add several results of routines up
    if given.output == given.sums:
        return decision
    dtype = np.dtype("int64" if kind == "integer" else given.sums)
    finish = Sums(dtype, spec.out_dtype, spec.overflow, False)
    return Decision(Arithmetic(given.input, given.sums, given.sums), finish, decision.asks)


def _of_parts(spec: ConvSpec) -> Decision:
    """Take the sums of complex numbers as those of their real and imaginary parts."""
    real, sums = (np.empty(0, one).real.dtype.name for one in (spec.input_dtype, products_dtype(spec)))
    return Decision(Arithmetic(real, sums, sums), Sums(products_dtype(spec), spec.out_dtype, "raise", False))


# -- floats --------------------------------------------------------------------------------------------


def _of_floats(spec: ConvSpec, arrays: Arrays | None) -> Decision:
    """Take sums of floats in their own dtype, those of 16-bit ones in float32."""
    sums, out = sum_dtype(products_dtype(spec)), spec.out_dtype
    source = spec.input_dtype.name
    if kind_of(out) == "float" and not (sums.name == "float64" and out.itemsize == 2):
        return Decision(Arithmetic(source, sums.name, out.name))
    asks: Asks = "nothing"
    if kind_of(out) == "integer" and out.itemsize <= 4 and spec.overflow == "saturate":
        asks = "weights" if kind_of(spec.input_dtype) == "integer" else "values"
        if arrays is None or _stays_finite(spec, sums, *arrays):
            return Decision(Arithmetic(source, sums.name, out.name, saturated=True), None, asks)
    plain = Arithmetic(source, sums.name, sums.name)
    return Decision(plain, Sums(sums, out, spec.overflow, True), asks)


def _stays_finite(spec: ConvSpec, sums: DType, image: Array, weight: Array, bias: Array | None) -> bool:
    """Whether no sum can be infinite or NaN, which no integer stands for."""
    if kind_of(spec.input_dtype) == "integer":
        largest = float(np.iinfo(spec.input_dtype).max) + 1 if spec.input_dtype.kind != "b" else 1.0
    else:
        largest = _largest(image)
    with np.errstate(all="ignore"):
        whole = float(np.abs(weight, dtype=np.float64).sum()) * max(largest, abs(float(spec.fill.real)))
        whole += 0.0 if bias is None else _largest(bias)
    return whole < float(np.finfo(sums).max) / 2


def _largest(array: Array) -> float:
    """Return the largest absolute value, NaN if there is a NaN."""
    return max(abs(float(array.max())), abs(float(array.min()))) if array.size else 0.0


# -- integers ------------------------------------------------------------------------------------------


def _of_integers(spec: ConvSpec, arrays: Arrays | None) -> Decision | None:
    """Take sums of integers exactly, or modulo the range of an output that they may wrap around."""
    result, out = products_dtype(spec), spec.out_dtype
    to_integer = kind_of(out) == "integer"
    wraps = spec.overflow == "wrap" and to_integer
    enough = LARGEST[result.name]
    if to_integer and spec.overflow == "raise":
        enough = min(enough, largest_sum(spec))
    proved = sum_bound(spec)
    asks: Asks = "nothing"
    bound = proved
    if bound > enough and not wraps:
        bound = enough if arrays is None else value_bound(spec, *arrays)
        asks = "values"
    if bound > LARGEST_INT64 and not wraps:
        return None
    modular = wraps and result.itemsize == 4 and out.itemsize <= 4
    narrow = result.itemsize == 4 and (modular or bound <= LARGEST["int32"])
    whole = "int32" if narrow else "int64"
    checked = to_integer and spec.overflow == "raise" and bound > largest_sum(spec)
    quick = "float32" if result.itemsize == 4 else "float64"
    sums = quick if proved <= LARGEST[quick] and (out.itemsize < 8 or not to_integer) else whole
    if checked or not _made_directly(sums, out, wraps):
        plain = Arithmetic(spec.input_dtype.name, whole, whole)
        return Decision(plain, Sums(np.dtype(np.int64), out, spec.overflow, checked), asks)
    saturated = to_integer and spec.overflow == "saturate"
    bytes_of = _weights_as_bytes(spec) if narrow and _made_directly("int32", out, wraps) else ""
    return Decision(Arithmetic(spec.input_dtype.name, sums, out.name, saturated, bytes_of), None, asks)


def may_exceed(spec: ConvSpec) -> bool:
    """Whether there are values for which `decide` returns None: sums of integers beyond 64 bits."""
    if kind_of(products_dtype(spec)) != "integer":
        return False
    wraps = spec.overflow == "wrap" and kind_of(spec.out_dtype) == "integer"
    return not wraps and sum_bound(spec) > LARGEST_INT64


BYTES = ("bool", "int8", "uint8")


def _weights_as_bytes(spec: ConvSpec) -> str:
    """Return the dtype of bytes that holds the weights, if cells are bytes too, or "".

    Weights of bool are taken as what the cells are not, with a sign or without.
    """
    source, weight = spec.input_dtype.name, spec.weight_dtype.name
    if spec.operation != "conv" or source not in BYTES or weight not in BYTES:
        return ""
    if weight == "bool":
        return "uint8" if source == "int8" else "int8"
    return weight


def _made_directly(sums: str, out: DType, wraps: bool) -> bool:
    """Whether a routine turns sums of integers into results itself."""
    if kind_of(out) == "integer":
        return not (wraps and out.name == "bool")
    if out.itemsize == 2:
        return sums == "float32"
    return kind_of(out) == "float"
