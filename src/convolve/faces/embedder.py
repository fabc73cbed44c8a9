"""`Embedder`: a network that makes of a face a direction, such that faces of one person point the same way.

It holds all that the directions depend on: network, preparation of pictures, margin around the face. Its
digest tells galleries of one embedder from those of another.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ConvolveError, FileFormatError, ShapeError
from convolve.faces.pairs import Threshold
from convolve.files import Picture
from convolve.nn import Preprocessing, models, storing
from convolve.nn.network import Network
from convolve.options import real_number

MARGIN = 0.2
"""Share of a box that is added on each side, so that the whole head is seen: `crop`."""

BATCH_NUMBERS = 1 << 20
"""Numbers in one batch of pictures, at most: 4 MiB; 27 faces of 3 × 112 × 112."""

FACT = "embedder"


class Embedder:
    """A network from faces to embeddings of length 1.

    Parameters
    ----------
    network
        It takes (N, channels, height, width) and gives (N, D), float32.
    preprocessing
        How pictures are prepared; by default as the network's input says.
    margin
        Of the square that is cut out around a face that was detected, as a share of the box.
    threshold
        From which cosine on two faces count as one person's, if that was measured.

    Raises
    ------
    ShapeError, ArgumentError
        If the parts do not fit together.

    Examples
    --------
    >>> from convolve import files, nn
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), input_shape=(1, 8, 8))
    >>> embedder = Embedder(network)
    >>> face = files.Picture(np.arange(100, dtype=np.uint8).reshape(10, 10), "YX")
    >>> embeddings = embedder([face])
    >>> embeddings.shape, round(float(np.square(embeddings).sum()), 6)
    ((1, 4), 1.0)
    """

    def __init__(
        self,
        network: Network,
        preprocessing: Preprocessing | None = None,
        *,
        margin: float = MARGIN,
        threshold: Threshold | None = None,
    ) -> None:
        self.network, self.threshold = network, threshold
        self.preprocessing = Preprocessing.of(network) if preprocessing is None else preprocessing
        self.margin = real_number(margin, "margin")
        if not 0 <= self.margin <= 1:
            raise ArgumentError(f"margin must be a share of the box, from 0 to 1; got {margin}")
        if self.preprocessing.size is None:
            raise ShapeError("an embedder must have a size of pictures; give one, such as 112x112")
        taken = network.inputs[0].shape[1:] if len(network.inputs) == 1 else ()
        given = (self.preprocessing.channels, *self.preprocessing.size)
        pairs = zip(taken, given, strict=False)
        if len(taken) != 3 or any(isinstance(size, int) and size != own for size, own in pairs):
            raise ShapeError(f"pictures {given} must be what the network takes: {network.inputs[0]}")
        self.digest = self._digest()

    def _digest(self) -> str:
        """Return what tells this embedder from others: network, weights, preparation and margin."""
        graph = self.network.graph
        facts = [storing.as_json(graph), self.preprocessing.as_json(), self.margin]
        found = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
        for name in sorted(graph.constants):
            array = np.ascontiguousarray(graph.constants[name])
            found.update(f"{name}{array.dtype}{array.shape}".encode() + array.tobytes())
        return found.hexdigest()

    def __call__(self, faces: Sequence[Picture]) -> Array:
        """Return embeddings (N, D) of pictures that are faces as a whole, float32, each of length 1."""
        if not faces:
            raise ArgumentError("there must be a face to embed, got none")
        return self.of_cells(np.concatenate([self.preprocessing.cells(face) for face in faces]))

    def of_cells(self, cells: Any) -> Array:
        """Return embeddings (N, D) of bytes (N, channels, height, width) of the right size."""
        fixed = self.network.inputs[0].shape[0]
        size = fixed if isinstance(fixed, int) else max(1, BATCH_NUMBERS // max(1, cells[0].size))
        rows = []
        for start in range(0, len(cells), size):
            part = cells[start : start + size]
            missing = size - len(part) if isinstance(fixed, int) else 0
            padded = np.concatenate([part, np.repeat(part[-1:], missing, axis=0)])
            rows.append(
                self._checked(self.network(self.preprocessing.normalised(padded)), len(padded))[: len(part)]
            )
        return np.concatenate(rows)

    def _checked(self, output: Any, count: int) -> Array:
        """Return what the network gave as rows of length 1, or say why it is no embedding."""
        if not isinstance(output, np.ndarray):
            raise ShapeError(f"the model must have one output, (N, D); it has {len(output)}")
        if len(output) != count or max(output.shape[1:], default=1) != math.prod(output.shape[1:]):
            raise ShapeError(f"the model must give (N, D) numbers, it gives {output.shape} for {count} faces")
        rows = output.reshape(count, -1).astype(np.float64)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or (lengths == 0).any():
            raise ArgumentError("the model gives embeddings without a direction (0, infinite or NaN)")
        return np.asarray(rows / lengths, np.float32)

    def with_threshold(self, threshold: Threshold) -> "Embedder":
        """Return the same embedder with another threshold."""
        return Embedder(self.network, self.preprocessing, margin=self.margin, threshold=threshold)

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write all of it into one file, as `convolve.nn.save` writes networks: ".safetensors" or ONNX."""
        about = {
            "version": 1,
            "margin": self.margin,
            "threshold": None if self.threshold is None else self.threshold.as_json(),
        }
        facts = {"preprocessing": self.preprocessing.as_json(), FACT: about}
        models.write(path, self.network, facts, force=force)

    @staticmethod
    def load(path: str | Path, **how: Any) -> "Embedder":
        """Read an embedder from a file: what `save` wrote, or anybody's ONNX file.

        Parameters
        ----------
        path
            Of the file.
        **how
            ``size``, ``mean`` and ``std`` of `Preprocessing`, and ``margin``, for files that do not say it.

        Raises
        ------
        ConvolveError
            As `convolve.load`; if it is no embedder; or if ``how`` is given to a file that says it itself.
        """
        network, facts = models.read(path)
        how = {name: value for name, value in how.items() if value is not None}
        try:
            about = facts.get(FACT)
            if about is None:
                if "preprocessing" in facts or facts.get("classes"):
                    raise FileFormatError("it is a classifier, whose outputs are classes and no embedding")
                margin = how.pop("margin", MARGIN)
                return Embedder(network, Preprocessing.of(network, **how), margin=margin)
            if how:
                raise ArgumentError(f"it says itself how pictures are prepared; leave out {', '.join(how)}")
            return _from_facts(network, facts, about)
        except ConvolveError as error:
            raise FileFormatError(f"{path}: {error}") from None


def _from_facts(network: Network, facts: Any, about: Any) -> Embedder:
    if not isinstance(about, dict) or about.get("version") != 1:
        raise FileFormatError("what it says of itself as an embedder is damaged, or of a newer convolve")
    threshold = about.get("threshold")
    return Embedder(
        network,
        Preprocessing.from_json(facts.get("preprocessing")),
        margin=about.get("margin"),  # type: ignore[arg-type]  # checked there
        threshold=None if threshold is None else Threshold.from_json(threshold),
    )
