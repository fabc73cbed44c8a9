"""What one routine computes, and what must be cut or converted first; `convolve.api.parts` does that."""

import math
from collections.abc import Iterator
from dataclasses import replace

from convolve.compiler import subpixel
from convolve.compiler.costs import SHORT_ROW
from convolve.compiler.cutting import Cut, cuts
from convolve.dtypes import kind_of
from convolve.exact import products_dtype
from convolve.runtime import engine
from convolve.spec import ConvSpec


def sums_nothing(spec: ConvSpec) -> bool:
    """Whether there is no product at all, so that every result is the bias.

    A border of numbers is multiplied also where there is no image inside it.
    """
    cells = spec.input_shape if spec.fill == 0 else spec.input_shape[:2]
    return 0 in (*cells, *spec.output_shape, *spec.weight_shape)


def leaves_nan_out(spec: ConvSpec) -> bool:
    """Whether cells that are NaN are left out; integers have none."""
    return spec.nan == "ignore" and kind_of(spec.input_dtype) != "integer"


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


def first_part(spec: ConvSpec) -> ConvSpec:
    """Return the spec of the first part of a convolution that is too long, or of all of it."""
    if sums_nothing(spec) or too_long(spec) is None:
        return spec
    channels, filters = spec.in_channels // spec.groups, spec.out_channels // spec.groups
    return next(cut(replace(spec, groups=1, in_channels=channels, out_channels=filters))).spec


def is_single(spec: ConvSpec) -> bool:
    """Whether one routine computes all of it, or, for a transposed convolution, one for each residue."""
    return not (sums_nothing(spec) or leaves_nan_out(spec) or too_long(spec))


def conversions(spec: ConvSpec, foreign: bool = False) -> tuple[str, ...]:
    """Return, in words, what is done beside running routines on arrays where they lie.

    ``foreign``: whether the input has the other byte order.
    """
    long = None if sums_nothing(spec) else too_long(spec)
    told = {
        "there is nothing to sum up: every result is the bias": sums_nothing(spec),
        "the input's byte order is turned round, a strip at a time": foreign,
        "strips that hold NaN are computed a second time, without it": leaves_nan_out(spec),
        f"cut into parts, because of {long}": long is not None,
    }
    return tuple(text for text, done in told.items() if done)
