"""convolve itself."""

from functools import partial
from typing import Any

import numpy as np

import convolve
from bench.shapes import Array, Data, Shape
from bench.variant import NotOfferedError, Variant, same
from convolve.errors import ArgumentError
from convolve.runtime import peaks
from convolve.runtime.host import host_target


def setup(threads: int) -> None:
    """Use so many threads."""
    convolve.set_num_threads(threads)


def version() -> str:
    """Return the version of convolve."""
    return convolve.__version__


def machine() -> dict[str, Any]:
    """Return the limits of this machine, measured now, and the name of the CPU's description."""
    return {
        "flops_per_second": peaks.fma_peak("float32"),
        "bytes_per_second": peaks.copy_bandwidth(),
        "target": host_target().name,
    }


def variants(shape: Shape, data: Data) -> list[Variant]:
    """Return a bound plan with and without ``out=``, and the plain call."""
    if not shape.is_forward:
        raise NotOfferedError(f"{shape.kind} is not compiled yet")
    options: dict[str, Any] = {
        "stride": shape.stride, "padding": shape.padding, "dilation": shape.dilation, "groups": shape.groups,
        "padding_mode": shape.padding_mode, "layout": shape.layout,
    }  # fmt: skip
    planned = convolve.plan(data.input.shape, data.weight.shape, dtype=shape.dtype,
                            weight_dtype=shape.weight_dtype, **_other_dtype(shape), **options)  # fmt: skip
    try:
        str(planned.plan)
    except ArgumentError as error:
        raise NotOfferedError(str(error)) from None
    bound = planned.bind(data.weight)
    read = _channels_first if shape.layout == "channels_last" else same
    result = np.empty_like(bound(data.input))
    plain = partial(getattr(convolve, f"conv{shape.dims}d"), data.input, data.weight, **options)
    return [
        Variant("out", "bound, out=", partial(bound, data.input, out=result), read),
        Variant("bound", "bound", partial(bound, data.input), read),
        Variant("unbound", f"conv{shape.dims}d", plain, read),
        *_apply(shape, data),
    ]


def _apply(shape: Shape, data: Data) -> list[Variant]:
    """Return the call made for image filters, which knows that all channels share one."""
    if not shape.is_stencil or shape.dims != 2 or shape.padding_mode == "zeros":
        return []
    last = shape.layout == "channels_last"
    image = data.input[0] if last else data.input[0, 0]
    call = partial(
        convolve.apply, image, data.weight[0, 0], padding_mode=shape.padding_mode,
        channel_axis=-1 if last else None,
    )  # fmt: skip
    return [Variant("unbound", "apply", call, _picture_last if last else _picture)]


def _other_dtype(shape: Shape) -> dict[str, str]:
    return {} if shape.out_dtype == shape.dtype == "float32" else {"out_dtype": shape.out_dtype}


def _channels_first(array: Array) -> Array:
    return np.moveaxis(array, -1, 1)


def _picture(array: Array) -> Array:
    return array[None, None]


def _picture_last(array: Array) -> Array:
    return _channels_first(array[None])
