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
        "bytes_per_second": peaks.copy_bandwidth(convolve.get_num_threads()),
        "target": host_target().name,
    }


def variants(shape: Shape, data: Data) -> list[Variant]:
    """Return a bound plan with and without ``out=``, and the plain call."""
    options: dict[str, Any] = {
        "stride": shape.stride, "padding": shape.padding, "dilation": shape.dilation, "groups": shape.groups,
        "padding_mode": shape.padding_mode, "layout": shape.layout,
    }  # fmt: skip
    dtypes: dict[str, Any] = {"dtype": shape.dtype, "weight_dtype": shape.weight_dtype}
    if shape.out_dtype != "float32":
        dtypes |= {"out_dtype": shape.out_dtype, "overflow": "saturate"}
    first = shape.result_shape if shape.kind == "input_grad" else data.input.shape
    planned = convolve.plan(first, shape.weight_shape, operation=shape.operation, **dtypes, **options)
    try:
        str(planned.plan)
    except ArgumentError as error:
        raise NotOfferedError(str(error)) from None
    if not shape.is_forward:
        return _others(shape, data, planned, options)
    bound = planned.bind(data.weight)
    read = _channels_first if shape.layout == "channels_last" else same
    result = np.empty_like(bound(data.input))
    written = {name: dtypes[name] for name in ("out_dtype", "overflow") if name in dtypes}
    plain = partial(getattr(convolve, f"conv{shape.dims}d"), data.input, data.weight, **options, **written)
    return [
        Variant("out", "bound, out=", partial(bound, data.input, out=result), read),
        Variant("bound", "bound", partial(bound, data.input), read),
        Variant("unbound", f"conv{shape.dims}d", plain, read),
        *_apply(shape, data),
    ]


def _others(shape: Shape, data: Data, planned: Any, options: dict[str, Any]) -> list[Variant]:
    """Return the same of a transposed convolution or of a gradient."""
    one, two = data.first, data.weight
    dims, kind = shape.dims, shape.operation
    name = f"{kind}{dims}d" if kind == "conv_transpose" else f"conv{dims}d_{kind}"
    arrays: tuple[Any, ...] = (one, two)
    if kind == "input_grad":
        arrays = (shape.result_shape, two, one)
    if kind == "weight_grad":
        arrays = (one, shape.weight_shape, two)
    bound = partial(planned, one, two) if kind == "weight_grad" else partial(planned.bind(two), one)
    return [
        Variant("out", "bound, out=", partial(bound, out=np.empty(shape.result_shape, "f")), same),
        Variant("bound", "bound", bound, same),
        Variant("unbound", name, partial(getattr(convolve, name), *arrays, **options), same),
    ]


def _apply(shape: Shape, data: Data) -> list[Variant]:
    """Return the call made for image filters, which knows that all channels share one."""
    if not shape.is_stencil or shape.dims != 2 or shape.padding_mode == "zeros":
        return []
    last = shape.layout == "channels_last"
    image = data.input[0] if last else data.input[0, 0]
    mode: Any = shape.padding_mode
    axis = -1 if last else None
    written: Any = {} if shape.out_dtype == "float32" else {"out_dtype": shape.out_dtype}
    call = partial(convolve.apply, image, data.weight[0, 0], padding_mode=mode, channel_axis=axis, **written)
    return [Variant("unbound", "apply", call, _picture_last if last else _picture)]


def _channels_first(array: Array) -> Array:
    return np.moveaxis(array, -1, 1)


def _picture(array: Array) -> Array:
    return array[None, None]


def _picture_last(array: Array) -> Array:
    return _channels_first(array[None])
