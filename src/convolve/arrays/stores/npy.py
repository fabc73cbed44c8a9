"""NumPy's own files, mapped into memory a region at a time."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convolve.arrays.stores.base import Description, Location, checked, default_axes, usual_chunks
from convolve.arrays.work import Region
from convolve.dtypes import Array
from convolve.errors import FileAccessError, FileFormatError
from convolve.files.npy import header


@dataclass(frozen=True, slots=True)
class Npy:
    """A .npy file: its numbers lie one after the other from ``offset`` on."""

    path: str
    offset: int
    in_rows: bool
    description: Description

    def read(self, place: tuple[slice, ...]) -> Array:
        """Return the cells of one range per dimension."""
        return np.array(self._mapped("r")[place])

    def write(self, region: Region, values: Array) -> None:
        """Write a region through to the file."""
        mapped = self._mapped("r+")
        mapped[tuple(slice(*one) for one in region)] = values
        mapped.flush()

    def _mapped(self, mode: Any) -> "np.memmap[Any, Any]":
        """Map the file anew: pages that were read would count as this process's memory."""
        order: Any = "C" if self.in_rows else "F"
        shape, dtype = self.description.shape, self.description.dtype
        try:
            return np.memmap(self.path, dtype, mode, self.offset, shape, order)
        except (OSError, ValueError) as error:
            raise FileAccessError(f"{self.path} cannot be mapped into memory: {error}") from error


def open_source(location: Location) -> Npy:
    """Return an array in a .npy file."""
    path = Path(location.path)
    try:
        with path.open("rb") as file:
            shape, fortran, dtype = header(file)
            offset, size = file.tell(), path.stat().st_size
    except OSError as error:
        raise FileAccessError(f"{path} cannot be read: {error.strerror}; check the path") from error
    except Exception as error:  # a damaged header can make the parser raise nearly anything
        raise FileFormatError(f"{path} is not a .npy file ({error}); save it with numpy.save") from error
    wanted = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or any(length < 0 for length in shape) or wanted != size - offset:
        raise FileFormatError(
            f"{path} is damaged: its header says {shape} of {dtype}, {wanted} bytes, but {size - offset} "
            "follow; save it again with numpy.save"
        )
    chunks = usual_chunks(shape, dtype) if math.prod(shape) else tuple(1 for _ in shape)
    description = Description(shape, dtype, chunks, default_axes(shape))
    return Npy(str(path), offset, not fortran, checked(description, str(path)))


def create(location: Location, description: Description) -> Npy:
    """Make a file of zeros; what was not written takes no room on most disks."""
    try:
        with Path(location.path).open("wb") as file:
            header = {"descr": np.lib.format.dtype_to_descr(description.dtype), "fortran_order": False}
            np.lib.format.write_array_header_2_0(file, header | {"shape": description.shape})
            file.truncate(file.tell() + math.prod(description.shape) * description.dtype.itemsize)
    except OSError as error:
        raise FileAccessError(f"{location.path} cannot be written: {error.strerror}") from error
    return open_sink(location, description)


def open_sink(location: Location, _description: Description) -> Npy:
    """Return a file that `create` made."""
    return open_source(location)
