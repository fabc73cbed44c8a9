"""Data to learn from: arrays, or folders of pictures; drawn in batches whose order follows from a seed."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ShapeError


@dataclass(frozen=True, eq=False)
class Data:
    """Images and what they show.

    Parameters
    ----------
    images
        (N, channels, height, width), or whatever the network takes. Bytes (uint8) stay bytes in memory and
        are given to the network as float32 from 0 to 1; other dtypes are given as float32.
    targets
        Class numbers (N), or what the loss takes.
    classes
        Names of the classes.
    names
        Of the images, such as their files; none if nobody asks for them.

    Examples
    --------
    >>> import numpy as np
    >>> data = Data(np.zeros((5, 1, 8, 8), np.uint8), np.array([0, 1, 0, 1, 0]), ("a", "b"))
    >>> [len(targets) for _, targets in data.batches(2)]
    [2, 3]
    """

    images: Any
    targets: Any
    classes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "images", np.asarray(self.images))
        object.__setattr__(self, "targets", np.asarray(self.targets))
        if not self.images.ndim or not self.targets.ndim or len(self.images) != len(self.targets):
            raise ShapeError(
                f"there must be a target for each image, got images {self.images.shape} and targets "
                f"{self.targets.shape}"
            )
        if self.names and len(self.names) != len(self.images):
            raise ShapeError(f"there must be {len(self.images)} names, or none, got {len(self.names)}")
        if not len(self.images):
            raise ArgumentError("there must be an image to learn from, got none")

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, places: Array) -> tuple[Array, Array]:
        """Return some images as the network takes them, and their targets."""
        images = self.images[places]
        scaled = images / np.float32(255) if images.dtype == np.uint8 else images
        return np.asarray(scaled, np.float32), self.targets[places]

    def batches(self, size: int, order: Array | None = None) -> Iterator[tuple[Array, Array]]:
        """Yield (images, targets); a last batch of one, which has no statistics, joins the one before."""
        places = np.arange(len(self)) if order is None else order
        for part in parts(len(self), size):
            yield self.take(places[part])

    def split(self, share: float, seed: int = 0) -> tuple["Data", "Data"]:
        """Return two parts; the second has that share of every class."""
        if not 0 < share < 1:
            raise ArgumentError(f"share must be between 0 and 1, got {share}")
        random = np.random.default_rng(seed)
        second = np.zeros(len(self), bool)
        for one in np.unique(self.targets):
            places = random.permutation(np.flatnonzero(self.targets == one))
            second[places[: round(share * len(places))]] = True
        if second.all() or not second.any():
            which = "first" if second.all() else "second"
            raise ArgumentError(
                f"a share of {share} of {len(self)} images leaves the {which} part empty; give more, "
                f"or a {'smaller' if second.all() else 'larger'} share"
            )
        first, rest = np.flatnonzero(~second), np.flatnonzero(second)
        return self._part(first), self._part(rest)

    def _part(self, places: Array) -> "Data":
        names = tuple(self.names[place] for place in places) if self.names else ()
        return Data(self.images[places], self.targets[places], self.classes, names)

    def digest(self) -> str:
        """Return what tells this data from other data."""
        found = hashlib.sha256(f"{self.images.dtype}{self.images.shape}{self.targets.dtype}".encode())
        for array in (self.images, self.targets):
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()


def parts(count: int, size: int) -> Sequence[slice]:
    """Return slices of at most ``size``, the last one of ``size`` + 1 where one would be left over.

    >>> parts(5, 2)
    [slice(0, 2, None), slice(2, 5, None)]
    """
    if size < 1:
        raise ArgumentError(f"batch_size must be at least 1, got {size}")
    starts = list(range(0, count, size))
    if len(starts) > 1 and size > 1 and count - starts[-1] == 1:
        starts.pop()
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], count], strict=True)]


@dataclass(frozen=True)
class Augment:
    """Images changed at random in ways that do not change what they show.

    Parameters
    ----------
    flip
        Whether half of them are mirrored, left to right.
    shift
        Cells by which they are moved at most, up, down, left and right; what comes in is 0.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.arange(4.0, dtype=np.float32).reshape(1, 1, 2, 2)
    >>> Augment(shift=1)(image, np.random.default_rng(2)).tolist()
    [[[[0.0, 2.0], [0.0, 0.0]]]]
    """

    flip: bool = False
    shift: int = 0

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise ArgumentError(f"shift must not be negative, got {self.shift}")

    def __call__(self, images: Array, random: np.random.Generator) -> Array:
        """Return a batch (N, channels, height, width), changed."""
        if images.ndim != 4:
            raise ShapeError(f"images must be (N, channels, height, width) to be changed, got {images.shape}")
        if self.flip:
            turned = random.random(len(images)) < 0.5
            images = np.where(turned[:, None, None, None], images[..., ::-1], images)
        return self._shifted(images, random) if self.shift else images

    def _shifted(self, images: Array, random: np.random.Generator) -> Array:
        by, (height, width) = self.shift, images.shape[2:]
        wide = np.pad(images, ((0, 0), (0, 0), (by, by), (by, by)))
        rows = random.integers(0, 2 * by + 1, len(images))[:, None] + np.arange(height)
        columns = random.integers(0, 2 * by + 1, len(images))[:, None] + np.arange(width)
        one = np.arange(len(images))[:, None, None]
        # the channels come last where indices stand on both sides of a slice
        return np.moveaxis(wide[one, :, rows[:, :, None], columns[:, None, :]], -1, 1)
