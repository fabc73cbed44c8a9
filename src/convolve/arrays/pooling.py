"""Pooling as a work: windows count what they hold by the whole image, whatever region is computed."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from convolve.api import pooled
from convolve.api.regions import Line
from convolve.arrays.work import Range, Ranges, Region, middles_before
from convolve.axis import Axis
from convolve.dtypes import Array, DType
from convolve.options import flag
from convolve.pooling import Pool, max_dtype, mean_dtype, whole_divisor, windows_over
from convolve.views import Form


@dataclass(frozen=True, slots=True, eq=False)
class PoolWork:
    """The pooling of an array that is not here.

    Attributes
    ----------
    axes
        The windows of the whole, per spatial dimension.
    form
        Of the array.
    planes
        Images and channels.
    source_dtype, dtype
        Of the array and of the result.
    kind, divisor, include_padding
        As `convolve.api.pooled` takes them.
    """

    axes: tuple[Axis, ...]
    form: Form
    planes: tuple[int, int]
    source_dtype: DType
    dtype: DType
    kind: Literal["max", "mean"]
    divisor: int | None = None
    include_padding: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        return self.form.shape((*self.planes, *(axis.outputs for axis in self.axes)))

    @property
    def steps(self) -> tuple[int, ...]:
        """Where regions may be cut: anywhere."""
        return (1,) * len(self.shape)

    def outputs_before(self, dimension: int, cell: int) -> int:
        """Return how many results along a dimension have their middle before a cell of the source."""
        places = self._places()
        return middles_before(self.axes[dimension - places.start], cell) if dimension in places else cell

    def reads(self, region: Region) -> tuple[Ranges, ...]:
        """Return which ranges of the source a region reads, per dimension."""
        reads = zip(self.axes, self._spatial(region), strict=True)
        lines = iter(Line.of(axis.reads(*one)).ranges for axis, one in reads)
        places = self._places()
        return tuple(next(lines) if d in places else (one,) for d, one in enumerate(region))

    def compute(self, region: Region, cells: Array) -> Array:
        """Return a region of the result from the ranges of the source, laid side by side."""
        reads = zip(self.axes, self._spatial(region), strict=True)
        axes = tuple(_region_of(axis, one) for axis, one in reads)
        image, is_region = self.form.canonical(np.ascontiguousarray(cells)), axes != self.axes
        part = Pool(axes, self.form, image, is_region)
        result: Array = pooled.compute(part, self.kind, self.dtype, self.divisor, self.include_padding)
        return result

    def _places(self) -> range:
        """Return the dimensions of the caller's array that are spatial."""
        form = self.form
        first = 0 if form.bare else int(form.batched) + (form.layout == "channels_first")
        return range(first, first + form.dims)

    def _spatial(self, region: Region) -> list[Range]:
        return [region[d] for d in self._places()]


def _region_of(axis: Axis, outputs: Range) -> Axis:
    """Return one dimension of a region; what hangs over the padding still counts for nothing."""
    reads = axis.reads(*outputs)
    before, after = reads.border
    size = reads.hull.stop - reads.hull.start
    return replace(
        axis, size=size, outputs=outputs[1] - outputs[0], before=before, after=min(after, axis.after)
    )


def pooling(
    kind: Literal["max", "mean"],
    dims: int,
    shape: tuple[int, ...],
    dtype: DType,
    kernel_size: Any,
    options: dict[str, Any],
    rule: dict[str, Any],
) -> PoolWork:
    """Return the work of a pooling; ``rule`` holds what `avg_pool2d` has beyond `max_pool2d`."""
    made = windows_over(dims, np.broadcast_to(np.zeros((), dtype), shape), kernel_size, **options)
    result = max_dtype(made) if kind == "max" else mean_dtype(made)
    divisor = whole_divisor(rule.get("divisor_override"))
    include = flag(rule.get("count_include_pad", False), "count_include_pad")
    images, channels, *_ = made.shape
    return PoolWork(made.axes, made.form, (images, channels), dtype, result, kind, divisor, include)
