"""`explain`: what callers write -> Explanation."""

from typing import Any

from numpy.typing import ArrayLike

from convolve.api.types import PaddingArgument, PaddingMode, Size
from convolve.arguments import conv_spec
from convolve.errors import FilterError, ShapeError
from convolve.explain.explanation import Explanation
from convolve.filters import Filter, get
from convolve.options import flag
from convolve.views import as_array


def explain(
    image: ArrayLike,
    kernel: ArrayLike | str | Filter,
    *,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    padding_mode: PaddingMode = "zeros",
    dilation: Size = 1,
    groups: int = 1,
    transposed: bool = False,
    flip: bool = False,
) -> Explanation:
    """Explain a convolution: every step of it with its own numbers.

    Parameters
    ----------
    image
        Shape (H, W), (C, H, W), (W,) or (C, W); volumes too, as data, text and JSON.
    kernel
        Shape (filter height, filter width) for an image without channels, (K, C / groups, filter height,
        filter width) for one with them, and likewise in 1 and 3 dimensions; or a name such as "sobel-x"
        (`convolve.filters.names`); or a `convolve.filters.Filter` with one weight.
    bias
        Shape (K,), or one number for a single filter.
    stride, padding, padding_mode, dilation, groups, flip
        As in `convolve.conv2d`.
    transposed
        Explain `convolve.conv_transpose2d` (or its kin) instead; the kernel is then (C, K / groups, ...).

    Returns
    -------
    Explanation
        Its steps as data, and as text, page, drawing, animation, JSON and plot.

    Raises
    ------
    ShapeError, ArgumentError, DTypeError
        As `convolve.conv2d`; several images at once are refused.
    FilterError
        If a name is unknown or stands for several weights.

    Examples
    --------
    >>> rows = [[10, 10, 10, 0, 0]] * 5
    >>> explanation = explain(rows, "1 0 -1; 1 0 -1; 1 0 -1")
    >>> explanation.output.tolist()
    [[0, 30, 30], [0, 30, 30], [0, 30, 30]]
    >>> step = explanation.step_at((0, 1))
    >>> step.reads, step.total
    (((0, 1, 2), (1, 2, 3)), 30)
    >>> len(explanation.feeds((2, 2)))
    9
    """
    array = as_array(image, "image")
    weight = _weight(kernel, array.ndim, array.shape)
    shape = as_array(weight, "kernel").shape
    dims = _dimensions(array.shape, shape)
    call = conv_spec(
        "conv_transpose" if flag(transposed, "transposed") else "conv",
        dims,
        image,
        weight,
        bias,
        stride=stride,
        padding=padding,
        padding_mode=padding_mode,
        dilation=dilation,
        groups=groups,
        flip=flip,
    )
    return Explanation(call)


def _weight(kernel: Any, ndim: int, shape: tuple[int, ...]) -> Any:
    """Return the one weight that a name or a filter stands for; arrays as they are."""
    if isinstance(kernel, str):
        if ndim > 2:
            raise ShapeError(
                f"a named filter is laid on an image of shape (height, width), but the image has {ndim} "
                f"dimensions: {shape}; explain one channel, for example image[0] or image[..., 0]"
            )
        kernel = get(kernel, ndim=ndim)
    if not isinstance(kernel, Filter):
        return kernel
    if len(kernel.weights) > 1:
        raise FilterError(
            f"explain takes a filter of one weight, but {kernel.name!r} combines {len(kernel.weights)}; "
            "explain them one by one: explain(image, filter.weights[0])"
        )
    return kernel.weights[0]


def _dimensions(image: tuple[int, ...], kernel: tuple[int, ...]) -> int:
    """Return the number of spatial dimensions, from how many the image and the kernel have."""
    if len(image) == len(kernel) and 1 <= len(image) <= 3:
        return len(image)
    if len(kernel) == len(image) + 1 and 2 <= len(image) <= 4:
        return len(image) - 1
    if len(kernel) == len(image) and len(image) in (4, 5):
        raise ShapeError(
            f"explain takes one image, (channels, *size), but got a batch of shape {image}; pass image[0]"
        )
    raise ShapeError(
        "image and kernel must be (H, W) with (h, w), or (C, H, W) with (K, C / groups, h, w), and likewise "
        f"in 1 and 3 dimensions; got image {image} and kernel {kernel}; explain one channel, for example "
        "image[0], or give the kernel its channels"
    )
