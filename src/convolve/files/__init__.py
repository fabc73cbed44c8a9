"""Picture files: read and written safely, by well-kept libraries, with nothing reduced in silence."""

from convolve.files.dicom import is_series
from convolve.files.expand import expand
from convolve.files.formats import FORMATS, SUFFIXES
from convolve.files.picture import Picture
from convolve.files.reading import read
from convolve.files.samples import sample, sample_bytes, samples
from convolve.files.writing import write

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "Picture",
    "expand",
    "is_series",
    "read",
    "sample",
    "sample_bytes",
    "samples",
    "write",
]
