"""JAX, compiled by XLA, with channels first and last."""

import os
from functools import partial
from typing import Any

import numpy as np

from bench.shapes import Array, Data, Shape
from bench.variant import PLAIN, NotOfferedError, Variant, same


def setup(threads: int) -> None:
    """Use so many threads: it has no setting for that but the CPUs that it may use."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    os.environ["JAX_PLATFORMS"] = "cpu"


def version() -> str:
    """Return the version of JAX."""
    import jax  # reads the environment that setup writes

    return str(jax.__version__)


def variants(shape: Shape, data: Data) -> list[Variant]:
    """Return compiled calls with the weight as a constant and as an argument, in both layouts."""
    import jax  # reads the environment that setup writes

    if shape.dtype != "float32":
        raise NotOfferedError("only float32 is compared yet")
    found = []
    if not shape.is_forward:
        return _others(shape, data)
    for name, last in (("channels first", False), ("channels last", True)):
        image = jax.device_put(np.ascontiguousarray(np.moveaxis(data.first, 1, -1)) if last else data.first)
        weight = jax.device_put(data.weight)
        read = _channels_first if last else np.asarray
        plain = jax.jit(partial(_convolve, shape=shape, last=last))
        constant = jax.jit(partial(_convolve, weight=data.weight, shape=shape, last=last))
        found += [
            Variant("bound", name, partial(_wait, constant, image), read),
            Variant("unbound", name, partial(_wait, plain, image, weight), read),
        ]
    return found


def _others(shape: Shape, data: Data) -> list[Variant]:
    """Return the adjoint of the forward convolution, with respect to its input or to its weight."""
    import jax  # reads the environment that setup writes

    one, two = jax.device_put(data.first), jax.device_put(data.weight)
    if shape.kind == "weight_grad":
        weight = jax.ShapeDtypeStruct(shape.weight_shape, "f")
        adjoint = jax.jit(
            lambda x, g: jax.linear_transpose(partial(_convolve, x, shape=shape, last=False), weight)(g)[0]
        )
        return [Variant(PLAIN, "adjoint", partial(_wait, adjoint, one, two), np.asarray)]
    image = jax.ShapeDtypeStruct(shape.result_shape, "f")
    adjoint = jax.jit(
        lambda g, w: jax.linear_transpose(partial(_convolve, weight=w, shape=shape, last=False), image)(g)[0]
    )
    return [Variant(PLAIN, "adjoint", partial(_wait, adjoint, one, two), np.asarray)]


def _convolve(image: Any, weight: Any, shape: Shape, last: bool) -> Any:
    from jax import lax, numpy  # reads the environment that setup writes

    padding = shape.padding
    if shape.padding_mode != "zeros":
        each = [(padding, padding)] * shape.dims
        widths = [(0, 0), *each, (0, 0)] if last else [(0, 0), (0, 0), *each]
        image, padding = numpy.pad(image, widths, mode=shape.padding_mode), 0
    space = "DHW"[-shape.dims :]
    order = f"N{space}C" if last else f"NC{space}"
    return lax.conv_general_dilated(
        image, weight, (shape.stride,) * shape.dims, [(padding, padding)] * shape.dims,
        rhs_dilation=(shape.dilation,) * shape.dims, feature_group_count=shape.groups,
        dimension_numbers=(order, f"OI{space}", order),
    )  # fmt: skip


def _wait(call: Any, *arrays: Any) -> Any:
    return call(*arrays).block_until_ready()


def _channels_first(result: Any) -> Array:
    return np.moveaxis(same(np.asarray(result)), -1, 1)
