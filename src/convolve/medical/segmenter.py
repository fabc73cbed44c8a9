"""`Segmenter`: a network that labels volumes, with all that belongs to it, in one file.

That is what its labels are called, how volumes are prepared for it, and how large the cells were that it
learned from: the same network sees other shapes where cells have another size.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ConvolveError, FileFormatError, ShapeError
from convolve.medical.preparation import NEIGHBOURS, Preparation
from convolve.medical.spacing import TOLERANCE, as_spacing, differ, shown
from convolve.medical.unet import segment
from convolve.nn import models
from convolve.nn.network import Network

MOST_LABELS = 256
"""Labels are written as bytes."""


class Segmenter:
    """A network that labels the cells of volumes.

    Parameters
    ----------
    network
        It takes slices between their neighbours, float32 (N, 3, height, width), and gives a number for each
        label and cell, (N, labels, height, width); such as `unet` and `learn` return.
    labels
        What they are called, the background first.
    preparation
        How volumes are prepared; each by its own mean and deviation without it.
    spacing
        Size of a cell along Z, Y and X in mm in the training; None if unknown or mixed, which is not checked.

    Raises
    ------
    ShapeError, ArgumentError
        If network, labels and spacing do not fit together.

    Examples
    --------
    >>> from convolve import medical
    >>> segmenter = Segmenter(medical.unet(2, width=4), ("air", "body"), spacing=(3.0, 1.0, 1.0))
    >>> segmenter(np.zeros((3, 10, 11)), spacing=(3.0, 1.0, 1.0)).shape
    (3, 10, 11)
    """

    def __init__(
        self,
        network: Network,
        labels: Sequence[str],
        preparation: Preparation | None = None,
        spacing: Sequence[float] | None = None,
    ) -> None:
        self.network, self.labels = network, tuple(labels)
        self.preparation = preparation or Preparation()
        self.spacing = None if spacing is None else as_spacing(spacing)
        if not all(isinstance(name, str) for name in self.labels):
            raise ArgumentError(f"labels must be names, got {self.labels[:3]}")
        if len(set(self.labels)) != len(self.labels) or not 2 <= len(self.labels) <= MOST_LABELS:
            raise ArgumentError(
                f"labels must be 2 to {MOST_LABELS} different names, the background first; got "
                f"{len(self.labels)}: {', '.join(self.labels[:10])}"
            )
        self._check_network()

    def _check_network(self) -> None:
        """Refuse a network that takes no slices, or does not give a number for each label."""
        inputs, channels = self.network.inputs, 2 * NEIGHBOURS + 1
        shape = inputs[0].shape
        open_size = len(shape) == 4 and not any(isinstance(size, int) for size in (shape[0], *shape[2:]))
        if len(inputs) != 1 or not open_size or shape[1] != channels or inputs[0].dtype != np.float32:
            listed = ", ".join(map(str, inputs))
            raise ShapeError(f"the model must take float32 (N, {channels}, height, width); it takes {listed}")
        known = self.network.known().get(self.network.outputs[0])
        if known is not None and (len(known.shape) != 4 or known.shape[1] != len(self.labels)):
            raise ShapeError(
                f"the model must give a number for each of {len(self.labels)} labels and cell, (N, "
                f"{len(self.labels)}, height, width); it gives {known.shape}"
            )

    @staticmethod
    def load(path: str | Path) -> "Segmenter":
        """Read a segmenter from a file: what `save` or ``convolve segment train`` wrote.

        Raises
        ------
        ConvolveError
            As `convolve.load`; or if the file holds no segmenter.
        """
        network, facts = models.read(path)
        try:
            stored, labels = facts.get("volume preparation"), facts.get("classes", ())
            if stored is None:
                raise FileFormatError(
                    "it must say how volumes are prepared, but does not; train it anew, or in Python put "
                    "medical.Segmenter around the network and save that"
                )
            if not isinstance(labels, list | tuple):
                raise FileFormatError("classes must be a list of names")
            return Segmenter(network, labels, Preparation.from_json(stored), facts.get("spacing in mm"))
        except ConvolveError as error:
            raise FileFormatError(f"{path}: {error}") from None

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write all of it into one file, as `convolve.nn.save` writes networks: ONNX, or ".safetensors"."""
        facts: dict[str, Any] = {
            "classes": list(self.labels),
            "volume preparation": self.preparation.as_json(),
            "spacing in mm": None if self.spacing is None else list(self.spacing),
        }
        models.write(path, self.network, facts, force=force)

    def __call__(self, volume: Array, spacing: Sequence[float] | None = None) -> Array:
        """Return the labels of a volume (Z, Y, X) as uint8; its cells in mm are checked, if given."""
        if spacing is not None:
            self.check_spacing(spacing)
        return segment(volume, self.network, self.preparation)

    def check_spacing(self, spacing: Sequence[float], name: str = "the volume") -> None:
        """Refuse a volume whose cells have another size than those of the training.

        Raises
        ------
        ArgumentError
            If they differ by more than a tenth along any dimension.
        """
        sizes = as_spacing(spacing)
        if self.spacing is not None and differ(sizes, self.spacing):
            raise ArgumentError(
                f"cells must be within {TOLERANCE:.0%} of those of the training, {shown(self.spacing)} along "
                f"Z, Y, X, but {name} has {shown(sizes)}; resample it, or pass --any-spacing (no spacing in "
                "Python) and mistrust the labels"
            )
