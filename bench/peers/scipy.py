"""SciPy: ndimage.correlate, its separable relatives, and overlap-add for signals. It knows one thread."""

from functools import partial

import numpy as np
import scipy
from scipy import ndimage, signal

from bench.shapes import Array, Data, Shape, gaussian
from bench.variant import PLAIN, NotOfferedError, Variant

MODES = {"reflect": "mirror", "zeros": "constant"}


def setup(threads: int) -> None:
    """Do nothing: it has no threads."""


def version() -> str:
    """Return the version of SciPy."""
    return str(scipy.__version__)


def variants(shape: Shape, data: Data) -> list[Variant]:
    """Return its filters of images and signals; colour is a dimension in which the filter is 1 wide."""
    if not shape.is_stencil or shape.dtype != "float32":
        raise NotOfferedError("it filters single channels only, and only float32 is compared yet")
    colour = shape.channels > 1
    image = data.first[0] if colour else data.first[0, 0]
    kernel, mode = data.weight[0] if colour else data.weight[0, 0], MODES[shape.padding_mode]
    if shape.kind == "stencil-gaussian":
        calls = {"correlate1d twice": partial(_separable, image, shape, mode)}
    elif shape.kind == "stencil-box":
        calls = {"uniform_filter": partial(ndimage.uniform_filter, image, kernel.shape, mode=mode)}
    else:
        calls = {"correlate": partial(ndimage.correlate, image, kernel, mode=mode)}
    if shape.dims == 1:
        flipped = np.ascontiguousarray(kernel[::-1])
        calls["oaconvolve"] = partial(signal.oaconvolve, image, flipped, mode="same")
    read = partial(_read, data.first.shape)
    return [Variant(PLAIN, name, call, read) for name, call in calls.items()]


def _separable(image: Array, shape: Shape, mode: str) -> Array:
    column, row = (gaussian(taps) for taps in shape.taps)
    lines: Array = ndimage.correlate1d(image, column, -2, mode=mode)
    result: Array = ndimage.correlate1d(lines, row, -1, mode=mode)
    return result


def _read(shape: tuple[int, ...], result: Array) -> Array:
    return result.reshape(shape)
