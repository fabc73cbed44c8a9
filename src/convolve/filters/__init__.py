"""Filters by name: constants, small generators, and one parser for what people write.

Weights are laid on the image as they stand, not flipped; `get` turns text into a `Filter`.
"""

from pathlib import Path

from convolve.errors import FilterError
from convolve.filters.directed import gabor, gabor_bank, motion_blur
from convolve.filters.edges import (
    difference,
    emboss,
    laplacian,
    laplacian_4,
    laplacian_8,
    prewitt_x,
    prewitt_y,
    roberts_down,
    roberts_up,
    scharr_x,
    scharr_y,
    sharpen,
    sobel_x,
    sobel_y,
)
from convolve.filters.registry import ENTRIES, find, named, usage
from convolve.filters.smoothing import (
    box,
    check_ndim,
    difference_of_gaussians,
    gaussian,
    gaussian_derivative,
    laplacian_of_gaussian,
    unsharp,
)
from convolve.filters.text import from_file, from_table, is_table
from convolve.filters.weights import Filter

__all__ = [
    "Filter",
    "box",
    "difference",
    "difference_of_gaussians",
    "emboss",
    "gabor",
    "gabor_bank",
    "gaussian",
    "gaussian_derivative",
    "get",
    "laplacian",
    "laplacian_4",
    "laplacian_8",
    "laplacian_of_gaussian",
    "motion_blur",
    "names",
    "prewitt_x",
    "prewitt_y",
    "purpose",
    "roberts_down",
    "roberts_up",
    "scharr_x",
    "scharr_y",
    "sharpen",
    "sobel_x",
    "sobel_y",
    "unsharp",
    "usage",
]


def names() -> tuple[str, ...]:
    """Return the names of all filters, sorted.

    >>> "sobel-x" in names()
    True
    """
    return tuple(sorted(ENTRIES))


def purpose(name: str) -> tuple[str, str]:
    """Return what a named filter is for, and its source.

    >>> purpose("identity")
    ('leaves the image as it is', 'definition')
    """
    entry = find(name)
    return entry.purpose, entry.source


def get(text: str, ndim: int = 2) -> Filter:
    """Return the filter that a text asks for.

    Parameters
    ----------
    text
        A name, with its numbers after a colon ("gaussian:1.5", "motion-blur:9,45"); rows of numbers
        ("1 0 -1; 1 0 -1; 1 0 -1"); or the path of a .npy or .csv file.
    ndim
        Dimensions of a named filter, 1 to 3. What is written out has its own.

    Returns
    -------
    Filter
        With its weights, its purpose and its source.

    Raises
    ------
    FilterError
        If there is no such filter, its numbers make no sense, or the file cannot be read.

    Examples
    --------
    >>> get("box:2").weights[0].tolist()
    [[0.25, 0.25], [0.25, 0.25]]
    >>> get("gausian:1")
    Traceback (most recent call last):
        ...
    convolve.errors.FilterError: there is no filter named 'gausian'; did you mean 'gaussian'? (rows ...
    """
    check_ndim(ndim)
    if not isinstance(text, str) or not text.strip():
        raise FilterError(f"a filter must be a name, rows of numbers or a file, got {text!r}; try 'sobel'")
    wanted = text.strip()
    if Path(wanted).suffix.lower() in (".npy", ".csv"):
        return from_file(Path(wanted))
    if is_table(wanted):
        return from_table(wanted)
    name, colon, rest = wanted.partition(":")
    find(name)
    return named(name, [_parameter(one, name) for one in rest.split(",")] if colon else [], ndim)


def _parameter(cell: str, name: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise FilterError(
            f"the filter {usage(name)!r} takes numbers, got {cell!r}; write them like 1.5"
        ) from None
