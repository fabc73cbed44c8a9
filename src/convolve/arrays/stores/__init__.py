"""Arrays in files, read and written by regions: Zarr, HDF5, .npy, tiled TIFF; one file for each format.

Each format is two functions: ``open_source(path)`` gives a `Source` after its header was compared with the
file, ``create(path, description)`` makes a file, of zeros, whose `Sink` takes regions in any order.
"""

from convolve.arrays.stores.base import Description, Location, Sink, Source
from convolve.arrays.stores.kinds import check_suffix, create, is_packed, kind_of_path, open_sink, open_source

__all__ = [
    "Description",
    "Location",
    "Sink",
    "Source",
    "check_suffix",
    "create",
    "is_packed",
    "kind_of_path",
    "open_sink",
    "open_source",
]
