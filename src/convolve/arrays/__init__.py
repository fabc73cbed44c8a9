"""Convolution of arrays that are not in memory: Dask arrays here, files by `convolve.arrays.filter_stored`.

The functions have the names, arguments and meaning of those in `convolve`. They take Dask arrays of any
chunks and give Dask arrays, whose numbers are bit for bit those that `convolve` gives for the whole array.
"""

from convolve.arrays.filtering import filter_stored
from convolve.arrays.functions import (
    apply,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    predict,
)

__all__ = [
    "apply",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "filter_stored",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "predict",
]
