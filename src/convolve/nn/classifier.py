"""`Classifier`: a network that tells pictures apart, with all that belongs to it, in one file.

That is the names of its classes, how pictures are prepared for it, and which part of which data it has not
learned from, so that this part can be found again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ConvolveError, FileFormatError, ShapeError
from convolve.files import Picture
from convolve.nn import models
from convolve.nn.network import Network
from convolve.nn.preprocessing import Preprocessing
from convolve.nn.seeing.heads import check_answer, head_of
from convolve.nn.training.data import Data
from convolve.options import real_number, whole_number

BATCH_NUMBERS = 1 << 20
"""Numbers in one batch of images, at most: 4 MiB, so that many feature maps fit into memory, too; 6 images
of 3 × 224 × 224, and enough for every thread where they are small."""

SHOWN = 20
"""Classes that a message names, at most."""

Ranking = list[tuple[str, float]]
"""Classes with their probabilities, the most likely first."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Which part of some data a network has not learned from.

    Attributes
    ----------
    share, seed
        As `Data.split` takes them.
    digest
        Of all the data, before it was split.
    """

    share: float
    seed: int
    digest: str

    def of(self, data: Data) -> Data:
        """Return that part of the data.

        Raises
        ------
        ArgumentError
            If it is other data.
        """
        if data.digest() != self.digest:
            raise ArgumentError(
                "the part held back can be told only from the very data of the training, and these "
                f"{len(data)} pictures are not the same, or prepared differently; score all of them instead"
            )
        return data.split(self.share, self.seed)[1]


class Classifier:
    """A network that tells pictures apart.

    Parameters
    ----------
    network
        It takes a batch of images and gives a row of numbers, one for each class, for each.
    classes
        Their names; numbers if there are none.
    preprocessing
        How pictures are prepared; by default as the network's input says.
    held_back
        What it has not learned from, if that is known.

    Raises
    ------
    ShapeError, ArgumentError
        If network, names and preprocessing do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from convolve import files, nn
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(64, 2), input_shape=(1, 8, 8))
    >>> classifier = nn.Classifier(network, ("cat", "dog"))
    >>> picture = files.Picture(np.zeros((20, 30, 3), np.uint8), "YXC")
    >>> sorted(name for name, probability in classifier.ranked(picture))
    ['cat', 'dog']
    """

    def __init__(
        self,
        network: Network,
        classes: Sequence[str] = (),
        preprocessing: Preprocessing | None = None,
        held_back: HeldBack | None = None,
    ) -> None:
        self.network, self.classes, self.held_back = network, tuple(classes), held_back
        self.preprocessing = Preprocessing.of(network) if preprocessing is None else preprocessing
        self._head = head_of(network.graph)
        if not all(isinstance(name, str) for name in self.classes):
            raise ArgumentError(f"classes must be names, got {self.classes[:3]}")
        self._check_pictures()
        known = network.known()
        if network.outputs[0] in known:
            self._check_rows(known[network.outputs[0]].shape)

    def _check_pictures(self) -> None:
        """Refuse pictures that the network would not take."""
        how, inputs = self.preprocessing, self.network.inputs
        given = (how.channels, *(how.size or (None, None)))
        taken = inputs[0].shape[1:] if inputs else ()
        fits = len(inputs) == 1 and len(taken) == len(given) and inputs[0].dtype == np.float32
        pairs = zip(given, taken, strict=False)
        if not fits or any(isinstance(size, int) and one not in (size, None) for one, size in pairs):
            listed = ", ".join(map(str, inputs))
            raise ShapeError(f"pictures {given} of float32 must be what the network takes: {listed}")

    def _check_rows(self, shape: tuple[int, ...]) -> None:
        """Refuse an output that has not one number for each of the classes."""
        count = max(shape[1:], default=1)
        if count != math.prod(shape[1:]) or count < 2:
            raise ShapeError(
                "the model must give one row of numbers per picture, one for each of two classes or more; "
                f"it gives shape {shape} and is no classifier"
            )
        if self.classes and len(self.classes) != count:
            raise ShapeError(f"the model tells {count} classes apart, but {len(self.classes)} have names")

    @staticmethod
    def load(path: str | Path, **how: Any) -> "Classifier":
        """Read a classifier from a file: what `save` or ``convolve train`` wrote, or anybody's ONNX file.

        Parameters
        ----------
        path
            Of the file.
        **how
            ``size``, ``mean`` and ``std`` of `Preprocessing`, and ``classes``, for files that do not say it.

        Raises
        ------
        ConvolveError
            As `convolve.load`; if it is no classifier; or if ``how`` is given to a file that says it itself.
        """
        network, facts = models.read(path)
        how = {name: value for name, value in how.items() if value is not None}
        named, stored = how.pop("classes", None), facts.get("preprocessing")
        if stored is not None and how:
            raise ArgumentError(
                f"{path} says itself how pictures are prepared; {', '.join(how)} must not be given for it"
            )
        if named is not None and facts.get("classes"):
            raise ArgumentError(
                f"{path} says itself what its classes are called; names must not be given for it"
            )
        try:
            given = Preprocessing.of(network, **how) if stored is None else Preprocessing.from_json(stored)
            classes, held_back = named or facts.get("classes", ()), facts.get("held back")
            if not isinstance(classes, list | tuple):
                raise FileFormatError("classes must be a list of names")
            return Classifier(network, classes, given, _held_back(held_back))
        except ConvolveError as error:
            raise FileFormatError(f"{path}: {error}") from None

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write all of it into one file, as `convolve.nn.save` writes networks: ONNX, or ".safetensors"."""
        facts: dict[str, Any] = {"classes": list(self.classes), "preprocessing": self.preprocessing.as_json()}
        if self.held_back is not None:
            one = self.held_back
            facts["held back"] = {"share": one.share, "seed": one.seed, "data": one.digest}
        models.write(path, self.network, facts, force=force)

    def name(self, number: int) -> str:
        """Return what a class is called: its number, if it has no name."""
        return self.classes[number] if number < len(self.classes) else str(number)

    def number(self, name: str) -> int:
        """Return which class somebody means, by its name or its number."""
        if name in self.classes:
            first = self.classes.index(name)
            if name in self.classes[first + 1 :]:
                raise ArgumentError(f"{name!r} must be one class, but several are called so; give its number")
            return first
        if name.isascii() and name.isdecimal():
            return int(name)
        more = ", …" if len(self.classes) > SHOWN else ""
        known = ", ".join(self.classes[:SHOWN]) + more or "numbers from 0 on"
        raise ArgumentError(f"the class must be one of the network's, {known}; got {name!r}")

    def ranked(self, picture: str | Path | Picture, top: int = 3) -> Ranking:
        """Return the most likely classes of one picture, or of one in a file, with their probabilities."""
        (shares,) = self.probabilities(self.preprocessing(picture))
        check_answer(shares)
        best = np.argsort(-shares, kind="stable")[:top]
        return [(self.name(int(k)), float(shares[k])) for k in best]

    def probabilities(self, images: Any) -> Array:
        """Return the probabilities (N, classes), of images: prepared, or bytes that are not.

        Parameters
        ----------
        images
            (N, channels, height, width): float32 as `Preprocessing` gives it, or uint8 of the right size.

        Returns
        -------
        numpy.ndarray
            (N, classes), float64.

        Notes
        -----
        A softmax is taken of the network's scores, unless the network ends with one, or with a sigmoid.
        """
        images, rows = np.asarray(images), []
        for start, size in self._parts(images):
            part = images[start : start + size]
            if part.dtype == np.uint8:
                part = self.preprocessing.normalised(part)
            padded = np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])
            output = np.asarray(self.network(padded))[: len(part)]
            self._check_rows(output.shape)
            rows.append(self._head.probabilities(output.reshape(len(output), -1)))
        return np.concatenate(rows)

    def _parts(self, images: Array) -> list[tuple[int, int]]:
        """Return start and size of each batch; of that size alone, where the network takes no other."""
        if images.ndim != 4 or not len(images):
            raise ShapeError(f"images must be (N, channels, height, width), at least one; got {images.shape}")
        fixed = self.network.inputs[0].shape[0]
        most = max(1, BATCH_NUMBERS // max(1, images[0].size))
        size = fixed if isinstance(fixed, int) else most
        count = len(images)
        ends = {start: min(size, count - start) for start in range(0, count, size)}
        return [(start, fixed if isinstance(fixed, int) else rest) for start, rest in ends.items()]


def _held_back(given: Any) -> HeldBack | None:
    if given is None:
        return None
    try:
        share, seed = real_number(given["share"], "share"), whole_number(given["seed"], "seed", 0)
        return HeldBack(share, seed, str(given["data"]))
    except (KeyError, TypeError, IndexError) as error:
        raise FileFormatError(f"what it says of the part held back is damaged: {error!r}") from None
