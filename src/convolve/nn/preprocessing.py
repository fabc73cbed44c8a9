"""`Preprocessing`: how pictures of any size and kind become what a classifier takes; stored in its file.

What a training did to its pictures must be done to every later one, to the bit. So it is data, kept in the
model's file and applied by this module alone: `image_folder`, `predict`, `cam` and `score` all call it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convolve import files
from convolve.dtypes import Array
from convolve.errors import ArgumentError, ConvolveError, FileFormatError, ShapeError
from convolve.files import Picture
from convolve.files.picture import LIGHT
from convolve.nn.graph import make_node
from convolve.nn.inference import run_node
from convolve.nn.network import Network
from convolve.options import real_number, whole_number

RESIZE = make_node(
    "Resize",
    ["image", "", "", "sizes"],
    ["resized"],
    "resize",
    {"mode": "linear", "antialias": 1, "exclude_outside": 1},
)
LEAST_CROP = 0.1
"""Share of a side below which nothing is taken: that would be looking at next to nothing, much enlarged."""

LARGEST_SIDE = 1 << 12
"""Cells of a prepared picture's side, at most, so that a damaged file asks for no more than a gigabyte: 4096
× 4096 in colours took 0.87 GB (2026-11-26), and classifiers take hundreds."""

MOST_CELLS = 1 << 25
"""Cells of a picture that covers the size before it is cut, at most; more if it has more already."""

STEPS: Mapping[str, Any] = {
    "version": 1,
    "alpha": "black",
    "grey": list(LIGHT),
    "resize": "linear, antialiased, nothing outside counted, until the size is covered",
    "crop": "middle",
    "rounded to": 255,
    "divided by": 255,
}
"""What is the same for every picture; a file that says otherwise is refused, for it could not be followed."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How pictures become what a network takes.

    A picture of any size, grey or coloured, with 8 or 16 bits, is taken from 0 to 1; what is transparent
    becomes black. It is scaled, linearly and antialiased, until it covers ``size``, or as much more as
    ``crop`` says, and its middle is taken. It is rounded to 1/255, which gives what Pillow's BILINEAR does,
    but for 1/255. Then ``mean`` is taken away, and the rest divided by ``std``.

    Parameters
    ----------
    size
        (height, width) in cells; None leaves every picture its own.
    channels
        1 for grey, 3 for red, green and blue.
    crop
        What is taken, as a share of the shorter side; networks of ImageNet often want 0.875: 224 of 256.
    mean, std
        One number, or one for each channel; of pictures from 0 to 1.

    Raises
    ------
    ArgumentError
        If a number makes no sense.

    Examples
    --------
    >>> import numpy as np
    >>> from convolve import files, nn
    >>> photo = files.Picture(np.full((30, 40, 3), 204, np.uint8), "YXC")
    >>> prepared = nn.Preprocessing((8, 8), 1, mean=(0.5,), std=(0.25,))(photo)
    >>> prepared.shape, prepared.dtype, round(float(prepared.max()), 2)
    ((1, 1, 8, 8), dtype('float32'), 1.2)
    """

    size: tuple[int, int] | None
    channels: int = 3
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    crop: float = 1.0

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ArgumentError(f"channels must be 1, for grey, or 3, for colours; got {self.channels}")
        if self.size is not None:
            object.__setattr__(self, "size", _size(self.size))
        if not LEAST_CROP <= real_number(self.crop, "crop") <= 1:
            raise ArgumentError(f"crop must be from {LEAST_CROP} to 1, got {self.crop}")
        for name in ("mean", "std"):
            object.__setattr__(self, name, _per_channel(getattr(self, name), name, self.channels))

    @staticmethod
    def of(network: Network, **how: Any) -> "Preprocessing":
        """Return what a network from elsewhere needs: size and channels are those of its input.

        Parameters
        ----------
        network
            Of images (N, 1 or 3, height, width).
        **how
            ``size``, where the network leaves it open; ``crop``; ``mean``; ``std``.

        Raises
        ------
        ShapeError
            If the network takes something else, or a size that it does not leave open is given.
        """
        shape = network.inputs[0].shape
        usual = len(network.inputs) == 1 and len(shape) == 4 and shape[1] in (1, 3)
        if not usual or network.inputs[0].dtype != np.float32:
            given = ", ".join(map(str, network.inputs))
            raise ShapeError(
                "the model must take grey or coloured images, float32 (N, 1 or 3, height, width); it takes "
                f"{given}"
            )
        size = how.pop("size", None)
        fixed = tuple(one for one in shape[2:] if isinstance(one, int))
        if len(fixed) == 2 and size not in (None, fixed):
            raise ShapeError(f"the model takes pictures of {fixed[0]}x{fixed[1]}, not of {size[0]}x{size[1]}")
        if len(fixed) == 1 and size is None:
            raise ShapeError(
                f"the model leaves a size of {network.inputs[0]} open; give one, such as 224x224"
            )
        return Preprocessing(fixed if len(fixed) == 2 else size, int(str(shape[1])), **how)

    def __call__(self, picture: str | Path | Picture) -> Array:
        """Return a picture, or that of a file, as a batch of one: float32 (1, channels, height, width)."""
        return self.normalised(self.cells(picture))

    def cells(self, picture: str | Path | Picture) -> Array:
        """Return a picture of the right size as bytes (1, channels, height, width), before ``mean``."""
        return bytes_of(picture, self.size, self.channels, self.crop)[None]

    def normalised(self, cells: Array) -> Array:
        """Return bytes (N, channels, height, width) as the network takes them, float32."""
        found = cells / np.float32(255)
        mean, std = (np.array(one, np.float32).reshape(1, -1, 1, 1) for one in (self.mean, self.std))
        return np.asarray((found - mean) / std, np.float32)

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON takes it."""
        size = None if self.size is None else list(self.size)
        numbers = {"mean": list(self.mean), "std": list(self.std), "crop share": self.crop}
        return {"size": size, "channels": self.channels, **numbers, **STEPS}

    @staticmethod
    def from_json(given: Any) -> "Preprocessing":
        """Return what `as_json` wrote, every part checked.

        Raises
        ------
        FileFormatError
            If it is damaged, or says something that this version does not do.
        """
        check_steps(given, STEPS, "preprocessing", "pictures")
        try:
            size = None if given["size"] is None else tuple(given["size"])
            numbers = tuple(given["mean"]), tuple(given["std"]), given["crop share"]
            return Preprocessing(size, given["channels"], *numbers)
        except (KeyError, TypeError, ConvolveError) as error:
            raise FileFormatError(f"the preprocessing in the file is damaged: {error}") from None


def check_steps(given: Any, steps: Mapping[str, Any], what: str, things: str) -> None:
    """Refuse what a file says of preparing things, such as pictures, where it is not always done so here."""
    if not isinstance(given, dict):
        raise FileFormatError(f"{what} must be a JSON object, got {str(given)[:40]}")
    for name, value in steps.items():
        if given.get(name) != value:
            raise FileFormatError(
                f"{things} must be prepared with {name} = {value!r}, which alone is known; the file says "
                f"{str(given.get(name))[:40]!r}"
            )


def _size(given: Sequence[int]) -> tuple[int, int]:
    if len(given) != 2:
        raise ShapeError(
            f"size must be height and width, got {len(given)} numbers; write two, such as 64, 64"
        )
    height, width = (whole_number(one, "size", 1) for one in given)
    if max(height, width) > LARGEST_SIDE:
        raise ShapeError(f"size must be at most {LARGEST_SIDE} cells a side, got {height}x{width}")
    return height, width


def _per_channel(given: Sequence[float], name: str, channels: int) -> tuple[float, ...]:
    numbers = tuple(real_number(one, name) for one in given)
    if len(numbers) not in (1, channels):
        raise ArgumentError(
            f"{name} must have one number or one for each of {channels} channels; got {len(numbers)}"
        )
    if not all(math.isfinite(one) and (name == "mean" or one > 0) for one in numbers):
        raise ArgumentError(f"{name} must be finite{' and above 0' if name == 'std' else ''}; got {numbers}")
    return numbers


def bytes_of(
    picture: str | Path | Picture, size: tuple[int, int] | None, channels: int | None, crop: float = 1.0
) -> Array:
    """Return a picture as bytes (channels, height, width); where None is given it keeps its own.

    Raises
    ------
    FileFormatError
        If it is no single picture, or has other channels or numbers; with the name of the file.
    """
    given = picture if isinstance(picture, Picture) else files.read(picture)
    try:
        planes = planes_of(given)
        own = (planes.shape[1], planes.shape[2])
        return _fitted(planes, size or own, channels or planes.shape[0], crop)
    except ConvolveError as error:
        named = "" if isinstance(picture, Picture) else f"{picture}: "
        raise FileFormatError(f"{named}{error}") from None


def planes_of(picture: Picture) -> Array:
    """Return a picture as float32 (channels, height, width) from 0 to 1; 1 channel if grey, else 3.

    Raises
    ------
    FileFormatError
        If it is no single picture, or has other channels or numbers.
    """
    if picture.axes not in ("YX", "YXC"):
        raise FileFormatError(f"it must be one picture, not a film or a stack; its axes are {picture.axes}")
    array = picture.array
    if not array.size or array.dtype.kind not in "buif":
        raise FileFormatError(f"a picture must have numbers, got {array.shape} of {array.dtype}")
    if array.dtype.kind in "iu":
        array = np.asarray(array / np.iinfo(array.dtype).max, np.float32)
    cells = array.astype(np.float32).reshape(*array.shape[:2], -1)
    lowest, highest = float(cells.min()), float(cells.max())
    if not (lowest >= 0 and highest <= 1):  # NaN is refused, too
        raise FileFormatError(
            f"its numbers must be from 0 to 1, or whole ones from 0 on, got {lowest:.4g} to {highest:.4g}; "
            "scale them first"
        )
    if picture.alpha:  # what cannot be seen is black
        cells = cells[..., :-1] * cells[..., -1:]
    if cells.shape[2] not in (1, 3):
        raise FileFormatError(f"it must be grey or have three colours, it has {cells.shape[2]} channels")
    return np.moveaxis(cells, 2, 0)


def _fitted(planes: Array, size: tuple[int, int], channels: int, crop: float) -> Array:
    """Return planes as bytes of one size and number of channels: it covers it, then is cut."""
    if planes.shape[0] > channels:
        planes = np.tensordot(np.array(LIGHT, np.float32), planes, 1)[None]
    scale = max(wanted / given for wanted, given in zip(size, planes.shape[1:], strict=True)) / crop
    covering = [
        max(wanted, round(given * scale)) for wanted, given in zip(size, planes.shape[1:], strict=True)
    ]
    if math.prod(covering) > max(MOST_CELLS, math.prod(planes.shape[1:])):
        raise FileFormatError(
            f"a picture of {planes.shape[1]}x{planes.shape[2]} is too long to cover {size[0]}x{size[1]}; "
            "cut it"
        )
    whole = resized(planes, covering)
    top, left = ((given - wanted) // 2 for given, wanted in zip(covering, size, strict=True))
    middle = whole[:, top : top + size[0], left : left + size[1]]
    return as_bytes(np.broadcast_to(middle, (channels, *size)))


def resized(planes: Array, size: Sequence[int]) -> Array:
    """Return planes (channels, height, width) with other sizes, linearly and antialiased."""
    sizes = np.array([1, planes.shape[0], *size])
    (found,) = run_node(RESIZE, [planes[None], None, None, sizes])
    return np.asarray(found[0])


def as_bytes(planes: Array) -> Array:
    """Return numbers from 0 to 1 as bytes."""
    return np.asarray(np.rint(np.clip(planes, 0, 1) * 255), np.uint8)
