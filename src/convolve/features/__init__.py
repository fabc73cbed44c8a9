"""What classical vision finds with filters alone: blobs, copies of a template, and vessels.

Everything is computed by `convolve.apply`, `convolve.conv2d`, `convolve.conv3d` and pooling.
"""

from convolve.features.matches import Matches, find_template
from convolve.features.spots import Blobs, blobs
from convolve.features.templates import match_template
from convolve.features.vessels import vesselness

__all__ = ["Blobs", "Matches", "blobs", "find_template", "match_template", "vesselness"]
