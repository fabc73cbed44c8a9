"""`convolve faces enroll`, `forget`, `identify` and `verify`: known people, and who is on a picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convolve.cli.faces.models import load, with_models
from convolve.cli.output import note, shown_path
from convolve.errors import ArgumentError

if TYPE_CHECKING:
    from convolve.faces import Threshold

COSINE = click.FloatRange(-1, 1)
BY_HAND = "given by hand"


@click.command(short_help="Add pictures of somebody to a gallery.")
@click.argument("gallery", metavar="GALLERY")
@click.argument("pictures", metavar="PICTURE…", nargs=-1, required=True)
@click.option("--name", required=True, metavar="NAME", help="Of the person.")
@click.option(
    "--threshold", type=COSINE, help="From which similarity on somebody is known, if you know better."
)
@with_models
def enroll(
    gallery: str,
    pictures: tuple[str, ...],
    name: str,
    threshold: float | None,
    given: Mapping[str, Any],
) -> int:
    """Add pictures of somebody to a gallery, which is made if there is none.

    GALLERY is a .safetensors file. Embeddings, names and the digests of the models are stored, no picture.
    It takes only the models that it was made with.

    \b
    Example:
      convolve faces enroll team.safetensors ada1.jpg ada2.jpg --name Ada --embedder e.onnx
    """  # noqa: D301  # \b tells click to keep these lines
    from convolve import faces, files  # here and below: --help must answer before NumPy is loaded
    from convolve.nn import models as networks

    if Path(gallery).suffix.lower() != ".safetensors":
        raise click.UsageError(f"a gallery must be a .safetensors file, got {gallery!r}")
    exists = Path(gallery).exists()
    networks.check_target(Path(gallery), force=True)
    models = load(given)
    if exists:
        known = faces.Gallery.load(gallery)
        known.check(models.embedder, models.found_by)  # before the work
        known = known.enrolled(name, models.embeddings(files.expand(pictures), alone=True))
    else:
        found = models.embeddings(files.expand(pictures), alone=True)
        known = faces.Gallery.of(name, found, models.embedder, models.found_by)
    if threshold is not None:
        known = known.with_threshold(faces.Threshold(threshold, BY_HAND))
    known.save(gallery, force=exists)
    note(f"{shown_path(gallery)}: embeddings: {len(known.names)}, people: {len(known.people)}")
    return 0


@click.command(short_help="Take somebody out of a gallery.")
@click.argument("gallery", metavar="GALLERY")
@click.option("--name", required=True, metavar="NAME", help="Of the person.")
def forget(gallery: str, name: str) -> int:
    """Take somebody out of a gallery, with all embeddings; no model is needed for it."""
    from convolve import faces  # --help must answer before NumPy is loaded

    known = faces.Gallery.load(gallery).without(name)
    known.save(gallery, force=True)
    note(f"{shown_path(gallery)}: embeddings: {len(known.names)}, people: {len(known.people)}")
    return 0


@click.command(short_help="Tell who of a gallery is on a picture.")
@click.argument("gallery", metavar="GALLERY")
@click.argument("picture", metavar="PICTURE")
@click.option("-k", "--top", type=click.IntRange(1), default=3, show_default=True, help="People shown.")
@click.option("--threshold", type=COSINE, help="Instead of the gallery's.")
@with_models
def identify(gallery: str, picture: str, top: int, threshold: float | None, given: Mapping[str, Any]) -> int:
    """Tell who of a gallery is on a picture: the most similar person, or "unknown" below the threshold.

    The first line is the answer; then come the most similar people with their similarity, a mean of cosines
    over their pictures.
    """
    from convolve import faces  # --help must answer before NumPy is loaded

    known, models = faces.Gallery.load(gallery), load(given)
    known.check(models.embedder, models.found_by)
    limit = limit_of(threshold, known.threshold)
    ranked = known.ranked(models.embeddings([Path(picture)])[0])
    click.echo(ranked[0][0] if ranked[0][1] >= limit.value else "unknown")
    for name, similarity in ranked[:top]:
        click.echo(f"{similarity:8.4f}  {name}")
    note(f"threshold {limit.value:.4f}: {limit.origin}")
    if len(known.people) > 1:
        note(
            f"compared with {len(known.people)} people: somebody unknown is taken for one of them more often"
        )
    return 0


@click.command(short_help="Tell whether two pictures show the same person.")
@click.argument("first", metavar="PICTURE")
@click.argument("second", metavar="PICTURE")
@click.option("--threshold", type=COSINE, help="Instead of the embedder's.")
@with_models
def verify(first: str, second: str, threshold: float | None, given: Mapping[str, Any]) -> int:
    """Tell whether two pictures show the same person: "same" or "different", and the similarity, a cosine."""
    import numpy as np  # which --help must not wait for

    models = load(given)
    limit = limit_of(threshold, models.embedder.threshold)
    a, b = models.embeddings([Path(first), Path(second)]).astype(np.float64)
    similarity = float(a @ b)
    click.echo("same" if similarity >= limit.value else "different")
    click.echo(f"{similarity:8.4f}  similarity")
    note(f"threshold {limit.value:.4f}: {limit.origin}")
    return 0


def limit_of(given: float | None, stored: "Threshold | None") -> "Threshold":
    """Return the threshold that counts."""
    from convolve.faces import Threshold  # loads NumPy, which --help must not wait for

    if given is not None:
        return Threshold(given, BY_HAND)
    if stored is None:
        raise ArgumentError(
            'a threshold must have been measured, and none is stored: "convolve faces score FOLDER" tells it '
            "for a folder of people; give it as --threshold, or let --gallery GALLERY store it for identify"
        )
    return stored
