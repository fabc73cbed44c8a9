"""Filters for colour differences that several pixels share.

In 4:2:0, the usual way to store films, one colour difference stands for a cell of 2 × 2 pixels. The same
weights laid on these cells would blur colours twice as wide as brightness (FFmpeg's filters do that). What
is wanted is: spread each cell over its pixels, filter the pixels, and take the mean of each cell again. All
three are linear, so together they are one filter of cells, and that filter is worked out here.
"""

from dataclasses import replace

import numpy as np

from convolve.axis import Axis
from convolve.dtypes import Array


def cell_axis(axis: Axis, cell: int) -> tuple[Axis, Array]:
    """Return one dimension as seen by cells of several pixels, and what brings weights over to it.

    Parameters
    ----------
    axis
        The dimension in pixels, of dilation 1.
    cell
        Pixels that share a number.

    Returns
    -------
    Axis, numpy.ndarray
        The dimension in cells; its weights are ``matrix @ weights``, shape (taps in cells, taps in pixels).

    Examples
    --------
    >>> blur = Axis(size=8, outputs=8, taps=3, before=1, after=1, boundary="reflect")
    >>> cells, matrix = cell_axis(blur, 2)
    >>> (matrix @ [0.25, 0.5, 0.25]).tolist(), cells.size, cells.outputs, cells.before
    ([0.125, 0.75, 0.125], 4, 4, 1)
    """
    if cell == 1:
        return axis, np.eye(axis.taps)
    places = axis.positions(range(cell)) // cell  # the cell under each tap, for the pixels of cell 0
    first = int(places.min())
    taps = int(places.max()) - first + 1
    matrix = np.zeros((taps, axis.taps))
    for pixel in range(cell):
        matrix[places[pixel] - first, np.arange(axis.taps)] += 1 / cell
    size, outputs = -(-axis.size // cell), -(-axis.outputs // cell)
    after = (outputs - 1) * axis.stride + taps - size + first
    return replace(axis, size=size, outputs=outputs, taps=taps, before=-first, after=after), matrix


def cell_weights(weights: Array, matrices: tuple[Array, Array]) -> Array:
    """Return weights for cells: the last two dimensions brought over, a dimension of time as it is."""
    down, across = matrices
    return np.asarray(down @ weights.astype(np.float64) @ across.T)
