"""The public functions on Dask arrays: arguments as in `convolve`, a work, and a graph."""

from typing import Any, Literal

from numpy.typing import ArrayLike

from convolve.api import dispatch
from convolve.api.types import PaddingArgument, PaddingMode, Size
from convolve.arrays.convolving import application, convolution
from convolve.arrays.lazy import checked_source, lazily
from convolve.arrays.networks import network_work
from convolve.arrays.pooling import pooling
from convolve.arrays.transposing import transposition
from convolve.errors import ArgumentTypeError
from convolve.filters import Filter
from convolve.nn import Network

FORWARD = (*dispatch.OPTIONS, "out_dtype")
APPLY = (*(name for name in dispatch.OPTIONS if name not in ("groups", "layout")), "out_dtype")
TRANSPOSED = (*(name for name in dispatch.TRANSPOSED_OPTIONS if name != "algorithm"), "out_dtype")
MAX_POOL = ("stride", "padding", "dilation", "ceil_mode", "layout")
AVG_POOL = ("stride", "padding", "ceil_mode", "count_include_pad", "divisor_override", "dilation", "layout")
RULE = ("count_include_pad", "divisor_override")
"""Options of `avg_pool2d` that do not say where windows are."""


def apply(
    image: Any,
    kernel: ArrayLike | str | Filter,
    *,
    stride: Size = 1,
    padding: PaddingArgument = "same",
    padding_mode: PaddingMode = "reflect",
    channel_axis: int | None = None,
    **options: Any,
) -> Any:
    """Apply one filter to an image that is a Dask array: to its only channel, or to every one by itself.

    Parameters
    ----------
    image
        A Dask array, of any chunks.
    kernel, stride, padding, padding_mode, channel_axis, **options
        As in `convolve.apply`; the border may be wider than a chunk.

    Returns
    -------
    dask.array.Array
        Chunked as the image is. Bit for bit what `convolve.apply` gives for the whole image.

    Raises
    ------
    ArgumentTypeError
        If the image is no Dask array, or an option does not exist.
    ShapeError, FilterError, ArgumentError
        As `convolve.apply` would.

    Examples
    --------
    >>> import dask.array as da
    >>> image = da.arange(12, chunks=5).reshape(3, 4)
    >>> apply(image, [[0, 0, 1]], padding_mode="circular").compute()
    array([[ 1,  2,  3,  0],
           [ 5,  6,  7,  4],
           [ 9, 10, 11,  8]])
    """
    source = checked_source(image)
    _check_names("apply", options, APPLY)
    named = {"stride": stride, "padding": padding, "padding_mode": padding_mode, **options}
    return lazily(application(source.shape, source.dtype, kernel, channel_axis, named), source)


def conv2d(
    input: Any,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    dilation: Size = 1,
    groups: int = 1,
    **options: Any,
) -> Any:
    """Slide a filter over a batch of images that is a Dask array.

    Parameters
    ----------
    input
        A Dask array, of any chunks, as `convolve.conv2d` takes it.
    weight, bias
        Arrays in memory; they are sent to every worker.
    stride, padding, dilation, groups, **options
        As in `convolve.conv2d`.

    Returns
    -------
    dask.array.Array
        Chunked as the input is; its channels are one chunk. Bit for bit what `convolve.conv2d` gives for the
        whole input.

    Raises
    ------
    ArgumentTypeError
        If the input is no Dask array, or an option does not exist.
    ShapeError, ArgumentError
        As `convolve.conv2d` would.

    Notes
    -----
    Method and order of summation are chosen for the machine that calls this; workers with other CPUs would
    round in another way.

    Examples
    --------
    >>> import dask.array as da, numpy as np
    >>> images = da.ones((4, 1, 6, 6), chunks=(1, 1, 2, 4))
    >>> conv2d(images, np.ones((2, 1, 3, 3)), padding=1).chunks
    ((1, 1, 1, 1), (2,), (2, 2, 2), (4, 2))
    """
    named = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, **options}
    return _forward(2, input, weight, bias, named)


def conv1d(
    input: Any,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    dilation: Size = 1,
    groups: int = 1,
    **options: Any,
) -> Any:
    """Slide a filter over sequences that are a Dask array; see `conv2d`."""
    named = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, **options}
    return _forward(1, input, weight, bias, named)


def conv3d(
    input: Any,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    dilation: Size = 1,
    groups: int = 1,
    **options: Any,
) -> Any:
    """Slide a filter over volumes that are a Dask array; see `conv2d`."""
    named = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, **options}
    return _forward(3, input, weight, bias, named)


def _forward(
    dims: int, input: Any, weight: ArrayLike, bias: ArrayLike | None, options: dict[str, Any]
) -> Any:
    source = checked_source(input)
    _check_names(f"conv{dims}d", options, FORWARD)
    return lazily(convolution(dims, source.shape, source.dtype, weight, bias, options), source)


def conv_transpose2d(
    input: Any,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    **options: Any,
) -> Any:
    """Send every value of a feature map that is a Dask array back through a filter.

    Parameters
    ----------
    input
        A Dask array, of any chunks, as `convolve.conv_transpose2d` takes it.
    weight, bias
        Arrays in memory; they are sent to every worker.
    stride, padding, output_padding, groups, dilation, **options
        As in `convolve.conv_transpose2d`, without ``algorithm``; ``padding_mode`` must not repeat the image.

    Returns
    -------
    dask.array.Array
        Chunked as the input is, each chunk ``stride`` times as wide. Bit for bit what
        `convolve.conv_transpose2d` gives for the whole input, as long as its numbers are finite.

    Raises
    ------
    ArgumentTypeError
        If the input is no Dask array, or an option does not exist.
    ShapeError, ArgumentError, DTypeError
        As `convolve.conv_transpose2d` would; and for complex numbers, and a border that repeats the image.

    Examples
    --------
    >>> import dask.array as da
    >>> conv_transpose2d(da.ones((1, 3), chunks=2, dtype=int), [[1, 2]], stride=2).compute()
    array([[1, 2, 1, 2, 1, 2]])
    """
    named = {"stride": stride, "padding": padding, "output_padding": output_padding, "groups": groups}
    return _transposed(2, input, weight, bias, {**named, "dilation": dilation, **options})


def conv_transpose1d(
    input: Any,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    **options: Any,
) -> Any:
    """Send every value of sequences that are a Dask array back through a filter; see `conv_transpose2d`."""
    named = {"stride": stride, "padding": padding, "output_padding": output_padding, "groups": groups}
    return _transposed(1, input, weight, bias, {**named, "dilation": dilation, **options})


def conv_transpose3d(
    input: Any,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    **options: Any,
) -> Any:
    """Send every value of volumes that are a Dask array back through a filter; see `conv_transpose2d`."""
    named = {"stride": stride, "padding": padding, "output_padding": output_padding, "groups": groups}
    return _transposed(3, input, weight, bias, {**named, "dilation": dilation, **options})


def _transposed(
    dims: int, input: Any, weight: ArrayLike, bias: ArrayLike | None, options: dict[str, Any]
) -> Any:
    source = checked_source(input)
    _check_names(f"conv_transpose{dims}d", options, TRANSPOSED)
    return lazily(transposition(dims, source.shape, source.dtype, weight, bias, options), source)


def max_pool2d(input: Any, kernel_size: Size, **options: Any) -> Any:
    """Return the largest cell of every window of a Dask array.

    Parameters
    ----------
    input
        A Dask array, of any chunks, as `convolve.max_pool2d` takes it.
    kernel_size, **options
        As in `convolve.max_pool2d`, without ``return_indices``.

    Returns
    -------
    dask.array.Array
        Bit for bit what `convolve.max_pool2d` gives for the whole array.

    Raises
    ------
    ArgumentTypeError
        If the input is no Dask array, or an option does not exist.
    ShapeError, ArgumentError
        As `convolve.max_pool2d` would.

    Examples
    --------
    >>> import dask.array as da
    >>> max_pool2d(da.arange(16, chunks=3).reshape(4, 4), 2).compute()
    array([[ 5,  7],
           [13, 15]])
    """
    return _pooled("max", 2, input, kernel_size, options)


def max_pool1d(input: Any, kernel_size: Size, **options: Any) -> Any:
    """Return the largest cell of every window of a Dask array; see `max_pool2d`."""
    return _pooled("max", 1, input, kernel_size, options)


def max_pool3d(input: Any, kernel_size: Size, **options: Any) -> Any:
    """Return the largest cell of every window of a Dask array; see `max_pool2d`."""
    return _pooled("max", 3, input, kernel_size, options)


def avg_pool2d(input: Any, kernel_size: Size, **options: Any) -> Any:
    """Return the mean of every window of a Dask array; options are those of `convolve.avg_pool2d`."""
    return _pooled("mean", 2, input, kernel_size, options)


def avg_pool1d(input: Any, kernel_size: Size, **options: Any) -> Any:
    """Return the mean of every window of a Dask array; options are those of `convolve.avg_pool1d`."""
    return _pooled("mean", 1, input, kernel_size, options)


def avg_pool3d(input: Any, kernel_size: Size, **options: Any) -> Any:
    """Return the mean of every window of a Dask array; options are those of `convolve.avg_pool3d`."""
    return _pooled("mean", 3, input, kernel_size, options)


def _pooled(
    kind: Literal["max", "mean"], dims: int, input: Any, kernel_size: Size, options: dict[str, Any]
) -> Any:
    source = checked_source(input)
    _check_names(
        f"{'max' if kind == 'max' else 'avg'}_pool{dims}d", options, MAX_POOL if kind == "max" else AVG_POOL
    )
    rule = {name: value for name, value in options.items() if name in RULE}
    if kind == "mean":
        rule = {"count_include_pad": True, **rule}
    windows = {name: value for name, value in options.items() if name not in RULE}
    return lazily(pooling(kind, dims, source.shape, source.dtype, kernel_size, windows, rule), source)


def predict(network: Network, images: Any) -> Any:
    """Return what a network makes of a batch that is a Dask array: some images at a time.

    Parameters
    ----------
    network
        Of one input and one output, such as `convolve.load` gives it.
    images
        A Dask array (N, …), of any chunks; each chunk of N is given to the network at once.

    Returns
    -------
    dask.array.Array
        Chunked along N as the images are. Bit for bit what ``network(images)`` gives for the whole batch.

    Raises
    ------
    ArgumentTypeError
        If the images are no Dask array.
    ShapeError, DTypeError
        If the network does not take such images, or does not give a row for each.

    Examples
    --------
    >>> import dask.array as da
    >>> from convolve import nn
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), input_shape=(1, 2, 2))
    >>> predict(network, da.ones((5, 1, 2, 2), chunks=2, dtype="float32")).chunks
    ((2, 2, 1), (2,))
    """
    source = checked_source(images)
    return lazily(network_work(network, source.shape, source.dtype), source)


def _check_names(function: str, options: dict[str, Any], known: tuple[str, ...]) -> None:
    """Refuse options that there are not."""
    for name in options:
        if name not in known:
            raise ArgumentTypeError(
                f"{function} of Dask arrays has no option {name!r}; its options are {', '.join(known)}"
            )
