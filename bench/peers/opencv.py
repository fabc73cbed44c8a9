"""OpenCV: filter2D, and sepFilter2D and boxFilter where they do the same."""

from functools import partial

import cv2
import numpy as np

from bench.shapes import Array, Data, Shape, gaussian
from bench.variant import PLAIN, NotOfferedError, Variant

BORDERS = {"reflect": cv2.BORDER_REFLECT_101, "zeros": cv2.BORDER_CONSTANT}


def setup(threads: int) -> None:
    """Use so many threads."""
    cv2.setNumThreads(threads)


def version() -> str:
    """Return the version of OpenCV."""
    return str(cv2.__version__)


def variants(shape: Shape, data: Data) -> list[Variant]:
    """Return its image filters, which take pictures with channels last; a signal is a picture of one row."""
    if not shape.is_stencil or shape.dims > 2 or shape.dtype != shape.out_dtype:
        raise NotOfferedError("it has image filters only, whose results have the image's dtype")
    image = np.ascontiguousarray(np.moveaxis(data.first[0], 0, -1))
    kernel, border = data.weight[0, 0].astype("float32"), BORDERS[shape.padding_mode]
    if shape.dims == 1:
        image, kernel = image[None], kernel[None]
    calls = {"filter2D": partial(cv2.filter2D, image, -1, kernel, borderType=border)}
    if shape.kind == "stencil-gaussian":
        column, row = (gaussian(taps) for taps in shape.taps)
        calls["sepFilter2D"] = partial(cv2.sepFilter2D, image, -1, row, column, borderType=border)
    if shape.kind == "stencil-box":
        calls["boxFilter"] = partial(cv2.boxFilter, image, -1, shape.taps[::-1], borderType=border)
    read = partial(_read, shape)
    return [Variant(PLAIN, name, call, read) for name, call in calls.items()]


def _read(shape: Shape, picture: Array) -> Array:
    return np.moveaxis(picture.reshape(*shape.output_size, shape.filters), -1, 0)[None]
