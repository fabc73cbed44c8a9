"""The `Filter`: named weights, with what they are for and where they come from."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convolve.errors import FilterError

Weights = NDArray[Any]
Combine = Literal["magnitude", "maximum"]


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """One filter: an array of weights, or several whose responses become one.

    Attributes
    ----------
    name
        As it was asked for, parameters included.
    weights
        Read-only arrays of the same number of dimensions; laid on the image as they are, not flipped.
    combine
        How several responses become one: "magnitude", √(a² + b² + …), or "maximum"; None for a single array.
    purpose
        What the filter is for, in one sentence.
    source
        Where its weights come from.

    Examples
    --------
    >>> np.asarray(Filter("twice", (np.array([2]),), None, "doubles", "arithmetic"))
    array([2])
    """

    name: str
    weights: tuple[Weights, ...]
    combine: Combine | None
    purpose: str
    source: str

    @property
    def ndim(self) -> int:
        """Dimensions of the weights."""
        return self.weights[0].ndim

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Weights:
        """Return the weights, if they are a single array."""
        if len(self.weights) != 1:
            raise FilterError(
                f"the filter {self.name!r} is not one array but the {self.combine} of {len(self.weights)}; "
                "use it with convolve.apply, or take one array of its .weights"
            )
        return np.array(self.weights[0], dtype=dtype, copy=True if copy is None else copy)


def frozen(rows: Any, dtype: Any = np.int8) -> Weights:
    """Return rows of numbers as a read-only array."""
    weights = np.array(rows, dtype=dtype)
    weights.setflags(write=False)
    return weights
