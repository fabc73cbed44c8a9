"""Which parts of a result are written, counted in the blocks that its regions are made of.

Regions may be cut anew when a computation goes on with more or less memory; blocks stay as they are.
"""

from collections.abc import Sequence

import numpy as np

from convolve.arrays.work import Region


class Blocks:
    """A result of some shape in blocks of a size, none of them written at first.

    Examples
    --------
    >>> blocks = Blocks((10, 10), (4, 5))
    >>> blocks.add(((4, 10), (0, 5)))
    >>> blocks.is_written(((8, 10), (0, 5))), blocks.is_written(((0, 10), (0, 5)))
    (True, False)
    """

    def __init__(self, shape: Sequence[int], size: Sequence[int]) -> None:
        self.size = tuple(size)
        counts = [-(-length // step) for length, step in zip(shape, size, strict=True)]
        self._written = np.zeros(counts, np.bool_)

    def add(self, region: Region) -> None:
        """Note that a region, which begins and ends with blocks, is written."""
        self._written[self._place(region)] = True

    def is_written(self, region: Region) -> bool:
        """Tell whether all blocks of a region are written."""
        return bool(self._written[self._place(region)].all())

    def _place(self, region: Region) -> tuple[slice, ...]:
        return tuple(
            slice(start // step, -(-stop // step))
            for (start, stop), step in zip(region, self.size, strict=True)
        )
