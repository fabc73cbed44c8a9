"""What one routine computes, and what must be cut or converted first; `convolve.api.parts` does that."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from convolve.compiler import subpixel
from convolve.compiler.costs import SHORT_ROW
from convolve.compiler.cutting import Cut, cuts
from convolve.dtypes import DType, kind_of, sum_dtype
from convolve.exact import products_dtype
from convolve.runtime import engine
from convolve.runtime.arithmetic import decide, may_exceed
from convolve.spec import ConvSpec, Operation

AT_ONCE: dict[Operation, str] = {
    "conv": "a strip at a time", "conv_transpose": "an image at a time", "weight_grad": "all of it at once",
}  # fmt: skip
"""Operation -> how much of its input is converted at once, as `convolve.api.parts` does it."""


def sums_nothing(spec: ConvSpec) -> bool:
    """Whether there is no product at all, so that every result is the bias.

    A border of numbers is multiplied also where there is no image inside it.
    """
    cells = spec.input_shape if spec.fill == 0 else spec.input_shape[:2]
    return 0 in (*cells, *spec.output_shape, *spec.weight_shape)


def leaves_nan_out(spec: ConvSpec) -> bool:
    """Whether cells that are NaN are left out; integers have none."""
    return spec.nan == "ignore" and kind_of(spec.input_dtype) != "integer"


def real_convolutions(spec: ConvSpec) -> int:
    """Return how many convolutions of real numbers make one of complex numbers; 1 of real ones.

    Parts that are zero are left out, unless they meet numbers that are not finite.
    """
    return math.prod(2 for dtype in (spec.input_dtype, spec.weight_dtype) if kind_of(dtype) == "complex")


def of_real_numbers(spec: ConvSpec, part: str) -> ConvSpec:
    """Return one of the convolutions of real numbers that make one of complex numbers.

    ``part``, "real" or "imag", is that of the input, which the border goes with.
    """
    given, weight, sums = (
        np.zeros(0, dtype).real.dtype for dtype in (spec.input_dtype, spec.weight_dtype, products_dtype(spec))
    )
    return replace(
        spec,
        input_dtype=given,
        weight_dtype=weight,
        bias_dtype=None,
        out_dtype=sums,
        fill=getattr(complex(spec.fill), part),
        whole=None if spec.whole is None else of_real_numbers(spec.whole, part),
    )


def added_dtype(spec: ConvSpec) -> DType:
    """Return the dtype in which what several routines compute is added up."""
    products = products_dtype(spec)
    return np.dtype(np.int64) if kind_of(products) == "integer" else sum_dtype(products)


def too_long(spec: ConvSpec) -> str | None:
    """Return what is too long for one routine, or None."""
    if spec.operation == "weight_grad" and math.prod(spec.filter_size) > engine.MOST_TAPS:
        return f"a filter of more than {engine.MOST_TAPS} taps"
    if spec.operation == "conv_transpose":
        plain = (phase.spec for phase in subpixel.phases(spec))
        return next(filter(None, map(too_long, plain)), None)
    if any((axis.outputs - 1) * axis.stride + axis.extent > engine.LONGEST_LINE for axis in spec.axes):
        return f"a padded line of more than {engine.LONGEST_LINE} cells"
    rows = math.prod(axis.extent for axis in spec.axes[:-1]) * (spec.in_channels // spec.groups)
    window = rows * max(SHORT_ROW, spec.axes[-1].extent)
    if window * products_dtype(spec).itemsize > engine.LARGEST_SCRATCH // 8:
        return f"a window whose cells take more than {engine.LARGEST_SCRATCH // 8} bytes"
    return None


def cut(spec: ConvSpec) -> Iterator[Cut]:
    """Yield parts of a convolution without groups that are not too long."""
    return cuts(spec, engine.LONGEST_LINE // 4, engine.LARGEST_SCRATCH // 128, engine.MOST_TAPS)


def one_group(spec: ConvSpec) -> ConvSpec:
    """Return one group of a convolution that is cut, whose results are added up."""
    channels, filters = spec.in_channels // spec.groups, spec.out_channels // spec.groups
    group = replace(spec, groups=1, in_channels=channels, out_channels=filters, flip=False)
    return replace(group, out_dtype=added_dtype(spec), bias_dtype=None, overflow="raise", whole=None)


def first_part(spec: ConvSpec) -> ConvSpec:
    """Return the spec of the first part of a convolution that is too long, or of all of it."""
    if sums_nothing(spec) or too_long(spec) is None:
        return spec
    return next(cut(one_group(spec))).spec


def is_single(spec: ConvSpec) -> bool:
    """Whether one routine computes all of it, or, for a transposed convolution, one for each residue."""
    several = leaves_nan_out(spec) or real_convolutions(spec) > 1
    return not (several or sums_nothing(spec) or too_long(spec))


def conversions(spec: ConvSpec, foreign: bool = False) -> tuple[str, ...]:
    """Return, in words, what is done beside running one routine on arrays where they lie.

    ``foreign``: whether the input has the other byte order.
    """
    if sums_nothing(spec):
        return ("there is nothing to sum up: every result is the bias",)
    long, whole, reals = too_long(spec), _finished_from(spec), real_convolutions(spec)
    decision = decide(spec if long is None else one_group(spec))
    told = {
        f"the input's byte order is turned round, {AT_ONCE[spec.operation]}": foreign,
        _where_nan_is(spec): leaves_nan_out(spec),
        f"cut into parts, because of {long}; the plan is that of the first": long is not None,
        f"computed as {reals} convolutions of real and imaginary parts, "
        "which are added up in arrays of their own": reals > 1,
        "a pass over the values comes first; where sums may not fit, "
        "results are made in a pass of their own": decision is not None and decision.asks == "values",
        f"results are made {spec.out_dtype} in a pass of their own, "
        f"from an array of {whole} as large as the result": whole is not None,
    }
    return (*(text for text, done in told.items() if done), *_left_to_the_reference(spec))


def _where_nan_is(spec: ConvSpec) -> str:
    """Return, in words, how NaN is left out."""
    strips = "strips" if spec.operation == "conv" else "images"
    same = added_dtype(spec) == spec.out_dtype
    wide = "" if same else f"all is computed into an array of {added_dtype(spec)}, and "
    return f"if there is a NaN, {wide}{strips} with NaN are computed once more without, by the direct sum"


def _finished_from(spec: ConvSpec) -> DType | None:
    """Return the dtype of the array from which results are made, None if routines write them."""
    if real_convolutions(spec) > 1:  # those are told by themselves
        return None
    if too_long(spec):
        return None if added_dtype(spec) == spec.out_dtype else added_dtype(spec)
    decision = decide(spec)
    return None if decision is None or decision.finish is None else np.dtype(decision.arithmetic.output)


def _left_to_the_reference(spec: ConvSpec) -> Iterator[str]:
    """Yield for which values no compiled code computes a convolution."""
    if may_exceed(spec if too_long(spec) is None else one_group(spec)):
        yield "left to the reference if sums exceed 64 bits, which these dtypes do not exclude"
    if kind_of(products_dtype(spec)) != "complex":
        return
    if spec.operation == "weight_grad":
        yield "left to the reference if numbers are not finite"
    elif spec.operation == "conv_transpose" or _meets_zeros(spec):
        yield "left to the reference if weights are not finite, as zeros beside the image must not meet them"


def _meets_zeros(spec: ConvSpec) -> bool:
    """Whether the real or the imaginary part of what lies beside the image is zero."""
    padded = any(axis.boundary == "constant" and (axis.before or axis.after) for axis in spec.axes)
    fill = complex(spec.fill)
    return padded and 0 in (fill.real, fill.imag)
