"""`Detector`: a network that finds things in pictures, ours or any ONNX file's, with all it needs."""

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convolve.detection.boxes import clip, nms
from convolve.detection.framing import framed
from convolve.detection.outputs import Raw, Reading
from convolve.detection.scenes import Found
from convolve.dtypes import Array
from convolve.errors import ArgumentError, ConvolveError, FileFormatError
from convolve.files import Picture
from convolve.nn import models
from convolve.nn.network import Network
from convolve.nn.preprocessing import Preprocessing

THRESHOLD = 0.4
"""Score from which on a box counts as found, if nobody says otherwise."""

OVERLAP = 0.5
"""Intersection over union from which on the worse of two boxes of a class is left out."""

MOST = 100
"""Boxes of one picture, at most: as many as COCO's scores count."""

MOST_NAMES = 1 << 20
"""Characters of a file's own names of classes, at most; COCO's 80 have 1,200."""

FACTS: Mapping[str, Any] = {
    "version": 1,
    "pictures": "letterboxed in grey 114, from 0 to 1",
    "boxes": "cxcywh,pixels",
}
"""What our own files say of themselves; a file that says otherwise is refused."""


class Detector:
    """A network that finds things in pictures.

    Parameters
    ----------
    network
        It takes one batch of pictures, float32 (N, 1 or 3, height, width).
    classes
        Names of what it finds; numbers stand for them if there are none.
    preprocessing
        Size of the frame that a picture is laid into, and what is done to its numbers; that of the network,
        with numbers from 0 to 1, if None.
    reading
        How the outputs are read; by what they prove if None.

    Examples
    --------
    >>> import numpy as np
    >>> from convolve import files
    >>> from convolve.detection.network import raw_network
    >>> from convolve.detection.decoding import decoded
    >>> network = decoded(raw_network(2), 2)
    >>> detector = Detector(network, ("cat", "dog"), Preprocessing((64, 64)), Reading("cxcywh", "pixels", 2))
    >>> len(detector(files.Picture(np.zeros((30, 40, 3), np.uint8), "YXC")))
    0
    """

    def __init__(
        self,
        network: Network,
        classes: Sequence[str] = (),
        preprocessing: Preprocessing | None = None,
        reading: Reading | None = None,
    ) -> None:
        self.network, self.classes = network, tuple(classes)
        self.preprocessing = Preprocessing.of(network) if preprocessing is None else preprocessing
        self.reading = reading or Reading(classes=len(self.classes) or None)
        if self.preprocessing.size is None:
            raise ArgumentError(
                "the model takes pictures of any size; say into which frame they are laid, such as --size "
                "640x640 (size=(640, 640) in Python)"
            )

    @staticmethod
    def load(path: str | Path, **how: Any) -> "Detector":
        """Read a detector from a file: ``convolve detect train``'s, or anybody's ONNX file.

        Parameters
        ----------
        path
            Of the file.
        **how
            ``size`` of the frame, where the network leaves it open. For files of others: ``mean`` and ``std``
            as `nn.Preprocessing` has them; ``classes``, their names; ``boxes``, as `Reading.of` takes it.

        Raises
        ------
        ConvolveError
            As `convolve.load`; or if ``how`` contradicts what the file says.
        """
        network, facts = models.read(path)
        how = {name: value for name, value in how.items() if value is not None}
        try:
            if "detector" in facts:
                return _ours(network, facts, how)
            named, boxes = how.pop("classes", None), how.pop("boxes", None)
            others = facts.get("metadata")
            classes = named or names_of(others.get("names") if isinstance(others, dict) else None)
            given = Preprocessing.of(network, **how)
            return Detector(network, classes, given, Reading.of(boxes, len(classes) or None))
        except ConvolveError as error:
            raise type(error)(f"{path}: {error}") from None

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write a detector of ours into one file, as `nn.save` writes networks: ONNX, or ".safetensors"."""
        size = self.preprocessing.size or (0, 0)
        facts = {"classes": list(self.classes), "detector": {**FACTS, "size": list(size)}}
        models.write(path, self.network, facts, force=force)

    def name(self, label: int) -> str:
        """Return what a class is called: its number, if it has no name."""
        return self.classes[label] if label < len(self.classes) else str(label)

    def __call__(
        self,
        picture: str | Path | Picture,
        *,
        threshold: float = THRESHOLD,
        overlap: float = OVERLAP,
        most: int = MOST,
    ) -> Found:
        """Return what is found in a picture, or in that of a file, the best first.

        Parameters
        ----------
        picture
            Of any size.
        threshold
            Score from 0 to 1 from which on a box counts.
        overlap
            Intersection over union, from 0 to 1, from which on the worse of two boxes of a class is left out.
        most
            Boxes that are returned, at most.

        Raises
        ------
        ConvolveError
            If the picture cannot be read, or the network's outputs are no detector's.
        """
        for name, value in (("threshold", threshold), ("overlap", overlap)):
            if not 0 <= value <= 1:
                raise ArgumentError(f"{name} must be from 0 to 1, got {value}")
        frame = self.preprocessing.size or (0, 0)
        cells, where = framed(picture, frame, self.preprocessing.channels)
        raw = self.reading(self._outputs(self.preprocessing.normalised(cells[None])), frame)
        usable = np.isfinite(raw.boxes).all(axis=1) & (raw.scores >= max(threshold, np.finfo(float).tiny))
        good = Raw(raw.boxes[usable], raw.scores[usable], raw.labels[usable])
        order = np.argsort(-good.scores, kind="stable")
        kept = order if raw.final else nms(good.boxes, good.scores, overlap, good.labels)
        kept = kept[:most]
        boxes = clip(where.into_source(good.boxes[kept]), where.source)
        return Found(boxes, good.labels[kept].astype(np.int64), good.scores[kept], where.source)

    def _outputs(self, cells: Array) -> dict[str, Array]:
        given = self.network(cells)
        arrays = given if isinstance(given, tuple) else (given,)
        return {name: np.asarray(array) for name, array in zip(self.network.outputs, arrays, strict=True)}


def _ours(network: Network, facts: Mapping[str, Any], how: Mapping[str, Any]) -> Detector:
    """Return the detector of a file of ours."""
    stored, classes = facts["detector"], facts.get("classes", [])
    if not isinstance(stored, dict) or any(stored.get(name) != value for name, value in FACTS.items()):
        raise FileFormatError(
            f"its detector must be as {dict(FACTS)}, which alone is known; got {str(stored)[:80]}"
        )
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes) or not classes:
        raise FileFormatError("its classes must be a list of names")
    other = sorted(set(how) - {"size"})
    if other:
        raise ArgumentError(
            f"the file says itself how it is used; {', '.join(other)} must not be given for it"
        )
    size = how.get("size") or stored.get("size")
    if not isinstance(size, list | tuple) or len(size) != 2:
        raise FileFormatError(f"its size must be height and width, got {str(size)[:40]}")
    return Detector(
        network,
        classes,
        Preprocessing.of(network, size=tuple(size)),
        Reading("cxcywh", "pixels", len(classes)),
    )


def names_of(text: Any) -> tuple[str, ...]:
    """Return the names of classes that a file of YOLO's makers holds, written as Python or JSON would.

    >>> names_of("{0: 'person', 1: 'bicycle'}"), names_of('["cat", "dog"]'), names_of(None)
    (('person', 'bicycle'), ('cat', 'dog'), ())
    """
    if not isinstance(text, str) or len(text) > MOST_NAMES:
        return ()
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return ()
    if isinstance(found, dict):
        numbered = {int(key): name for key, name in found.items() if str(key).isdecimal()}
        found = [numbered.get(place) for place in range(len(numbered))]
    usable = isinstance(found, list | tuple) and all(isinstance(name, str) for name in found)
    return tuple(found) if usable else ()
