"""All operations, by name; each family has a file with a table of its own."""

from convolve.nn.operation import Operation
from convolve.nn.operations import (
    activation,
    arithmetic,
    constants,
    convolution,
    detection,
    indexing,
    learning,
    linear,
    normalisation,
    pieces,
    pooling,
    quantisation,
    reduction,
    resizing,
    sampling,
    shaping,
)

OPERATIONS: dict[str, Operation] = {
    **convolution.TABLE,
    **pooling.TABLE,
    **normalisation.TABLE,
    **activation.TABLE,
    **linear.TABLE,
    **arithmetic.TABLE,
    **reduction.TABLE,
    **shaping.TABLE,
    **pieces.TABLE,
    **indexing.TABLE,
    **constants.TABLE,
    **resizing.TABLE,
    **sampling.TABLE,
    **quantisation.TABLE,
    **detection.TABLE,
    **learning.TABLE,
}
"""Name -> operation."""
