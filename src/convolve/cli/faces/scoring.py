"""`convolve faces embedder train` and `score`: an embedder from a folder of people, and what one is worth."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convolve.cli import types
from convolve.cli.classifier import pair
from convolve.cli.faces.models import load, with_models
from convolve.cli.output import fail, note, shown_path

if TYPE_CHECKING:
    from convolve.faces import Pairs

REPORTS = (".json", ".png", ".svg", ".pdf")
PART_FAILED = 3
FAR = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.group(short_help="Make an embedder.")
def embedder() -> None:
    """Make an embedder: a network that makes of a face a direction."""


@embedder.command(short_help="Train a small embedder on a folder of people.")
@click.argument("folder", metavar="FOLDER")
@click.option("-o", "--output", required=True, metavar="MODEL", help="File: .safetensors, or .onnx.")
@click.option("--detector", metavar="MODEL", help="Finds and cuts out the faces; else pictures are faces.")
@click.option("--size", type=types.size, callback=pair, default="32x32", show_default=True)
@click.option("--grey", is_flag=True, help="Learn from grey faces.")
@click.option("-e", "--epochs", type=click.IntRange(1), default=20, show_default=True)
@click.option("--held-back", type=FAR, default=0.3, show_default=True,
              help="Share of the people not learned from; the threshold is measured on them.")  # fmt: skip
@click.option("--far", type=FAR, default=0.01, show_default=True,
              help="False accept rate of the threshold; equal errors if pairs are too few.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--force", is_flag=True, help="Overwrite MODEL if it exists.")
def train(
    folder: str,
    output: str,
    detector: str | None,
    size: tuple[int, int],
    grey: bool,
    epochs: int,
    held_back: float,
    far: float,
    seed: int,
    force: bool,
) -> int:
    """Train a small embedder on a folder with a folder of pictures for each person.

    It knows the people of that folder better than anybody else. What it does with strangers is measured on
    the people held back, and printed; for more than a demonstration take an ONNX embedder that has seen
    thousands.
    """
    from convolve import faces, nn  # here and below: --help must answer before NumPy is loaded
    from convolve.nn import models

    models.check_target(Path(output), force=force)
    finder = None if detector is None else faces.FaceDetector.load(detector)
    how = nn.Preprocessing(size, 1 if grey else 3)
    left_out: list[str] = []
    people = faces.people_folder(folder, how, finder, skipped=left_out.append)
    for text in left_out:
        fail(text)
    learned = faces.train_embedder(people, epochs=epochs, held_back=held_back, far=far, seed=seed)
    learned.embedder.save(output, force=force)
    note(f"learned from {', '.join(map(shown_path, learned.learned))}")
    note(f"measured on {', '.join(map(shown_path, learned.held_back))}")
    click.echo(str(learned.pairs))
    threshold = learned.embedder.threshold
    if threshold is not None:
        note(f"threshold {threshold.value:.4f}: {threshold.origin}")
    return PART_FAILED if left_out else 0


@click.command(short_help="Measure an embedder: ROC, equal error rate, true accepts.")
@click.argument("folder", metavar="FOLDER")
@click.option("-o", "--output", metavar="FILE", help="Report: .json; or .png, .svg or .pdf, the curve.")
@click.option("--far", type=FAR, help="Of the threshold stored; that of equal errors if not given.")
@click.option("--gallery", metavar="GALLERY", help="Where the threshold is stored.")
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
@with_models
def score(
    folder: str,
    output: str | None,
    far: float | None,
    gallery: str | None,
    force: bool,
    given: Mapping[str, Any],
) -> int:
    """Measure an embedder on a folder with a folder of pictures for each person, all pairs with each other.

    Take people whom the embedder has not learned from. Rates for which there are too few pairs are not told:
    30 errors must be expected.

    \b
    Examples:
      convolve faces score people/ --embedder arcface.onnx --mean 0.5 --std 0.5 --detector faces.safetensors
      convolve faces score people/ --embedder e.safetensors --far 0.01 --gallery team.safetensors
    """  # noqa: D301  # \b tells click to keep these lines
    from convolve import faces  # --help must answer before NumPy is loaded
    from convolve.files import atomic

    if output is not None:
        if Path(output).suffix.lower() not in REPORTS:
            raise click.UsageError(f"a report must be {', '.join(REPORTS)}; got {output!r}")
        atomic.refuse_existing(Path(output), force=force)
    models = load(given)
    left_out: list[str] = []
    known = None if gallery is None else faces.Gallery.load(gallery)
    if known is not None:
        known.check(models.embedder, models.found_by)
    one = models.embedder
    people = faces.people_folder(folder, one.preprocessing, models.detector, one.margin, left_out.append)
    for text in left_out:
        fail(text)
    pairs = faces.Pairs.of(one.of_cells(people.images), people.targets)
    threshold = pairs.threshold(far)
    click.echo(str(pairs))
    if known is not None:
        known.with_threshold(threshold).save(str(gallery), force=True)
        note(f"{shown_path(gallery)}: threshold {threshold.value:.4f}: {threshold.origin}")
    if output is not None:
        atomic.write_bytes(Path(output), report(pairs, Path(output).suffix.lower()), force=force)
        note(f"{shown_path(output)} is written")
    return PART_FAILED if left_out else 0


def report(pairs: "Pairs", suffix: str) -> bytes:
    """Return the bytes of a report."""
    if suffix == ".json":
        return (json.dumps(pairs.as_json(), indent=2) + "\n").encode()
    stream = io.BytesIO()
    pairs.plot().figure.savefig(stream, format=suffix[1:], dpi=110)
    return stream.getvalue()
