"""`Gallery`: known people, as embeddings with names, in one file without pickle.

Embeddings are biometric data: a gallery deserves the care that the pictures deserve.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ConvolveError, FileFormatError, ShapeError
from convolve.faces.embedder import Embedder
from convolve.faces.pairs import Threshold
from convolve.files.atomic import write_bytes
from convolve.nn import storing

FORMAT = "convolve gallery 1"
LONGEST_NAME = 200
"""Characters of a name, at most."""

LARGEST_FILE = 1 << 28
"""Bytes of a gallery, at most: 256 MiB, half a million embeddings of 128 numbers. Reading holds it twice."""

SAME_PICTURE = 1e-6
"""Of 1 less the cosine of two embeddings: below it they are of one picture, and rounding to float32."""

LENGTHS = 1e-3
"""By how much the length of a stored embedding may differ from 1; rounding to float32 gives 1e-7."""


@dataclass(frozen=True, eq=False)
class Gallery:
    """Known people.

    Attributes
    ----------
    embeddings
        (N, D) float32, each of length 1.
    names
        (N): whose they are; a person may have several.
    embedder
        Digest of the embedder that made them.
    detector
        Digest of the detector that found the faces; "" if pictures were taken whole.
    threshold
        From which similarity on somebody counts as known; None: the embedder's own.

    Examples
    --------
    >>> gallery = Gallery(np.eye(2, dtype=np.float32), ("Ada", "Bob"), "digest", "")
    >>> gallery.ranked([0.6, 0.8])
    [('Bob', 0.8), ('Ada', 0.6)]
    """

    embeddings: Array
    names: tuple[str, ...]
    embedder: str
    detector: str
    threshold: Threshold | None = None

    def __post_init__(self) -> None:
        found = np.asarray(self.embeddings)
        if found.dtype != np.float32 or found.ndim != 2 or not found.size or len(found) != len(self.names):
            raise ShapeError(
                f"a gallery must have a name for each embedding (N, D) of float32; it has {len(self.names)} "
                f"names and {found.shape} of {found.dtype}"
            )
        if not (np.abs(np.square(found.astype(np.float64)).sum(axis=1) - 1) < LENGTHS).all():
            raise ArgumentError("embeddings must have the length 1")
        for name in self.names:
            check_name(name)
        if not isinstance(self.embedder, str) or not isinstance(self.detector, str):
            raise ArgumentError("a gallery must name its embedder and detector by their digests")

    @staticmethod
    def of(name: str, embeddings: Any, embedder: Embedder, detector: str = "") -> "Gallery":
        """Return a gallery of one person."""
        rows = np.asarray(embeddings, np.float32)
        return Gallery(rows, (name,) * len(rows), embedder.digest, detector, embedder.threshold)

    def enrolled(self, name: str, embeddings: Any) -> "Gallery":
        """Return the gallery with further pictures of somebody."""
        rows = np.asarray(embeddings, np.float32)
        if rows.ndim != 2 or rows.shape[1:] != self.embeddings.shape[1:]:
            raise ShapeError(f"embeddings must be (N, {self.embeddings.shape[1]}), got {rows.shape}")
        whole = np.concatenate([self.embeddings, rows])
        found = replace(self, embeddings=whole, names=(*self.names, *(name,) * len(rows)))
        cosines = rows.astype(np.float64) @ self.embeddings.astype(np.float64).T
        if (cosines > 1 - SAME_PICTURE).any():
            given, known = np.argwhere(cosines > 1 - SAME_PICTURE)[0]
            raise ArgumentError(
                f"a picture must be enrolled once, but number {given + 1} of these is in the gallery, "
                f"as {self.names[known]!r}; leave it out"
            )
        return found

    def without(self, name: str) -> "Gallery":
        """Return the gallery without somebody, who must be in it; the last one cannot be taken out."""
        kept = [place for place, one in enumerate(self.names) if one != name]
        if len(kept) == len(self.names):
            raise ArgumentError(f"{name!r} must be in the gallery, which knows {', '.join(self.people)}")
        if not kept:
            raise ArgumentError(f"{name!r} is the last one in the gallery; delete its file instead")
        return replace(self, embeddings=self.embeddings[kept], names=tuple(self.names[k] for k in kept))

    def with_threshold(self, threshold: Threshold) -> "Gallery":
        """Return the gallery with another threshold."""
        return replace(self, threshold=threshold)

    @property
    def people(self) -> tuple[str, ...]:
        """The names, each once."""
        return tuple(dict.fromkeys(self.names))

    def check(self, embedder: Embedder, detector: str) -> None:
        """Refuse an embedder, or a way to find faces, that the gallery was not made with."""
        if embedder.digest != self.embedder:
            raise ArgumentError(
                "a gallery must be used with the embedder that made it, for others' numbers mean other "
                f"things: it is {self.embedder[:12]}…, given was {embedder.digest[:12]}… (another --size, "
                "--mean, --std or --margin makes another one, too); give the same, or enrol anew"
            )
        if detector != self.detector:
            made, given = (
                f"by the detector {one[:12]}…" if one else "nowhere, pictures being taken whole"
                for one in (self.detector, detector)
            )
            raise ArgumentError(
                f"faces must be found as for the gallery, {made}; here they are found {given}; give the same "
                "--detector, or enrol anew"
            )

    def ranked(self, embedding: Any) -> list[tuple[str, float]]:
        """Return everybody with the mean similarity to their pictures, the most similar first.

        Parameters
        ----------
        embedding
            (D): of length 1.

        Notes
        -----
        The mean, and not the best of several pictures, for which more false accepts would pass the threshold
        that was measured on single pairs.
        """
        given = np.asarray(embedding, np.float64)
        if given.shape != self.embeddings.shape[1:]:
            raise ShapeError(f"an embedding must have {self.embeddings.shape[1]} numbers, got {given.shape}")
        cosines = self.embeddings.astype(np.float64) @ given
        who = np.array([self.people.index(name) for name in self.names])
        means = np.bincount(who, cosines) / np.bincount(who)
        found = [(name, round(float(mean), 6)) for name, mean in zip(self.people, means, strict=True)]
        return sorted(found, key=lambda one: -one[1])

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write it into a ".safetensors" file, whole or not at all."""
        about = {
            "format": FORMAT,
            "names": list(self.names),
            "embedder": self.embedder,
            "detector": self.detector,
            "threshold": None if self.threshold is None else self.threshold.as_json(),
        }
        whole = {"embeddings": np.ascontiguousarray(self.embeddings)}
        data = storing.package().numpy.save(whole, {"convolve": json.dumps(about)})
        write_bytes(Path(path), data, force=force)

    @staticmethod
    def load(path: str | Path) -> "Gallery":
        """Read a gallery from a file that `save` wrote, every part checked.

        Raises
        ------
        FileMissingError, FileFormatError
            If there is no such file, or it is damaged or something else.
        """
        file = Path(path)
        if file.is_file() and file.stat().st_size > LARGEST_FILE:
            raise FileFormatError(
                f"a gallery may have {LARGEST_FILE} bytes, {path} has {file.stat().st_size}"
            )
        tensors, text = storing.contents(file)
        try:
            about = json.loads(text)
            if about["format"] != FORMAT:
                raise FileFormatError(f"its format is {about['format']!r}, and must be {FORMAT!r}")
            threshold = about["threshold"]
            return Gallery(
                tensors["embeddings"],
                tuple(about["names"]),
                about["embedder"],
                about["detector"],
                None if threshold is None else Threshold.from_json(threshold),
            )
        except ConvolveError as error:
            raise FileFormatError(f"{path} is damaged or no gallery: {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise FileFormatError(f"{path} is damaged or no gallery: {error!r}") from None


def check_name(name: Any) -> None:
    """Refuse a name that could not be told from others, or not be printed."""
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise ArgumentError(
            f"a name must be 1 to {LONGEST_NAME} printable characters, got {str(name)[:40]!r}"
        )
