"""Filters that a person writes down: numbers as text, .npy and .csv files."""

import math
import re
from pathlib import Path

import numpy as np

from convolve.errors import FilterError
from convolve.filters.smoothing import LARGEST, LARGEST_NUMBER, checked_size
from convolve.filters.weights import Filter, Weights, frozen

LARGEST_FILE = 1 << 27
"""Bytes of a filter file beyond which it is not read: 128 MiB hold the largest filter in float64."""

NUMBERS = re.compile(r"^[\s\d.,;+\-eE/naifNAIF]*$")
"""What text of numbers is made of; it must hold a digit too, so that names are never taken for numbers."""


def is_table(text: str) -> bool:
    """Tell whether a text is a table of numbers rather than a name.

    >>> is_table("1 0 -1; 1 0 -1"), is_table("1"), is_table("sobel-x")
    (True, True, False)
    """
    return bool(NUMBERS.match(text)) and any(character.isdigit() for character in text)


def from_table(text: str, name: str = "") -> Filter:
    """Return the filter written as rows, which end with ";" or a line; its numbers end with spaces or commas.

    >>> from_table("1 0 -1; 1 0 -1").weights[0].tolist()
    [[1, 0, -1], [1, 0, -1]]
    >>> from_table("1/4, 1/2, 1/4").weights[0].tolist()
    [0.25, 0.5, 0.25]
    """
    rows = [
        re.split(r"[\s,]+", row.strip().strip(",")) for row in re.split(r"[;\n]", text) if row.strip(" ,\r\t")
    ]
    if not rows:
        raise FilterError(f"a filter must have at least one number, got {text!r}; write rows like '1 0 -1'")
    lengths = [len(row) for row in rows]
    if len(set(lengths)) > 1:
        raise FilterError(
            f"all rows of a filter must be equally long, but they have {lengths} numbers; "
            "fill the short ones up with 0"
        )
    checked_size((len(rows), lengths[0]), "a filter")
    numbers = [[_number(cell) for cell in row] for row in rows]
    table = numbers if len(numbers) > 1 or ";" in text else numbers[0]
    return _user_filter(_smallest(np.array(table, dtype=object)), name or text.strip(), "written by hand")


def _number(cell: str) -> int | float:
    """Return a whole number, a number or a fraction such as 1/9."""
    top, slash, bottom = cell.partition("/")
    try:
        value = int(cell) if cell.lstrip("+-").isdigit() else float(top) / (float(bottom) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        raise FilterError(
            f"a filter holds numbers or fractions, but one cell is {cell[:40]!r}; write 0.5 or 1/2"
        ) from None
    if not abs(value) < LARGEST_NUMBER:
        raise FilterError(f"a filter's numbers must be finite, but one cell is {cell[:40]!r}; use a number")
    return int(value) if value == int(value) else value


def _smallest(numbers: Weights) -> Weights:
    """Return whole numbers as the smallest integers that hold them: integer images then stay exact."""
    flat = numbers.ravel().tolist()
    if all(isinstance(one, int) for one in flat):
        largest = max(abs(one) for one in flat)
        for dtype in (np.int8, np.int16, np.int64):
            if largest <= np.iinfo(dtype).max:
                return numbers.astype(dtype)
    return numbers.astype(np.float64)


def from_file(path: Path) -> Filter:
    """Return the filter in a .npy or .csv file."""
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise FilterError(f"a filter file must have at most {LARGEST_FILE} bytes, but {path} has {size}")
        if path.suffix.lower() == ".npy":
            return _user_filter(_read_npy(path, size), str(path), f"the file {path}")
        return from_table(path.read_text(encoding="utf-8-sig").replace(";", ","), str(path))
    except OSError as error:
        raise FilterError(
            f"the filter file {path} cannot be read: {error.strerror}; check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise FilterError(
            f"the filter file {path} is not text in UTF-8: {error.reason}; save it as CSV"
        ) from error
    except FilterError:
        raise
    except ValueError as error:  # a name that no file can have, such as one with a NUL
        raise FilterError(f"the filter file {str(path)!r} cannot be read: {error}; check the path") from error


def _read_npy(path: Path, size: int) -> Weights:
    """Return the array of a .npy file, after its header was compared with the length of the file."""
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = read(file)
            wanted = math.prod(shape) * dtype.itemsize
            if dtype.hasobject or wanted != size - file.tell() or math.prod(shape) > LARGEST:
                raise FilterError(
                    f"the filter file {path} is damaged or too large: its header says {shape} of {dtype}, "
                    f"{wanted} bytes, and {size - file.tell()} follow; save it again with numpy.save"
                )
            file.seek(0)
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    except (ValueError, EOFError, SyntaxError, TypeError) as error:
        if isinstance(error, FilterError):
            raise
        raise FilterError(
            f"the filter file {path} is not a .npy file: {error}; save it with numpy.save"
        ) from error


def _user_filter(weights: Weights, name: str, source: str) -> Filter:
    """Return weights that a person gave, if they can be a filter."""
    if weights.dtype.kind not in "biufc":
        raise FilterError(f"a filter must hold numbers, but {name!r} holds {weights.dtype}; convert it first")
    if weights.size == 0 or not 1 <= weights.ndim <= 3:
        raise FilterError(
            f"a filter must have 1 to 3 dimensions and at least one tap, {name!r} has shape {weights.shape}"
        )
    if not np.isfinite(weights).all():
        raise FilterError(
            f"a filter's numbers must be finite, but {name!r} holds NaN or infinity; replace them"
        )
    return Filter(name, (frozen(weights, weights.dtype),), None, "given by the user", source)
