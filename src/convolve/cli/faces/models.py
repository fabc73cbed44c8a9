"""What the subcommands share: an embedder, how its pictures are prepared, and a detector."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from convolve.cli import types
from convolve.cli.classifier import pair, per_channel
from convolve.cli.output import note
from convolve.errors import ArgumentError

if TYPE_CHECKING:
    from convolve.dtypes import Array
    from convolve.faces import Embedder, FaceDetector

OPTIONS = (
    click.option("--embedder", required=True, metavar="MODEL",
                 help='What "convolve faces embedder train" wrote, or an ONNX file: faces in, (N, D) out.'),
    click.option("--detector", metavar="MODEL",
                 help='Finds and cuts out the face; without it each picture is a face as a whole.'),
    click.option("--size", type=types.size, callback=pair,
                 help="Of the faces, where an ONNX file leaves it open."),
    click.option("--mean", callback=per_channel, metavar="NUMBERS",
                 help="Taken from pixels from 0 to 1; for ONNX."),
    click.option("--std", callback=per_channel, metavar="NUMBERS",
                 help="By which the rest is divided; for ONNX."),
    click.option("--margin", type=click.FloatRange(0, 1), help="Around the box, as a share of it; for ONNX."),
)  # fmt: skip


@dataclass(frozen=True)
class Models:
    """An embedder and what finds faces for it."""

    embedder: "Embedder"
    detector: "FaceDetector | None"

    @property
    def found_by(self) -> str:
        """Digest of the detector, or nothing."""
        return "" if self.detector is None else self.detector.digest

    def embeddings(self, paths: Any, *, alone: bool = False) -> "Array":
        """Return the embeddings of the faces of some pictures; of several on one the best, or refuse them."""
        from convolve import faces  # loads NumPy, which --help must not wait for

        several = refuse_several if alone else note_several
        margin = self.embedder.margin
        return self.embedder([faces.face_of(path, self.detector, margin, several) for path in paths])


def note_several(words: str) -> None:
    """Say which of several faces is taken."""
    note(f"{words}; the one with the best score is taken")


def refuse_several(words: str) -> None:
    """Refuse several faces where the wrong one would be remembered."""
    raise ArgumentError(f"{words}, and it must be one; cut the face out, or take another picture")


def load(given: Mapping[str, Any]) -> Models:
    """Return the models of some options."""
    from convolve import faces  # loads NumPy, which --help must not wait for

    how = {name: given[name] for name in ("size", "mean", "std", "margin")}
    embedder = faces.Embedder.load(given["embedder"], **how)
    if given["detector"] is None:
        note("pictures are taken for faces as a whole; --detector finds and cuts them out")
        return Models(embedder, None)
    return Models(embedder, faces.FaceDetector.load(given["detector"]))


def with_models(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of its models, collected as ``given``."""

    @wraps(command)
    def collected(**options: Any) -> Any:
        names = ("embedder", "detector", "size", "mean", "std", "margin")
        return command(given={name: options.pop(name) for name in names}, **options)

    for option in reversed(OPTIONS):
        collected = option(collected)
    return collected
