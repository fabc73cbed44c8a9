"""`convolve faces train` and `detect`: a detector from patches, and the faces of pictures."""

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convolve.cli.output import fail, note, shown_path, spare_sources
from convolve.errors import ConvolveError

if TYPE_CHECKING:
    from convolve.faces import Faces

PART_FAILED = 3


@click.command(short_help="Train a face detector.")
@click.argument("folder", metavar="[FOLDER]", required=False)
@click.option("-o", "--output", required=True, metavar="MODEL", help="File: .safetensors, or .onnx.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True,
              help="Between them it learns what it took for a face where there is none.")  # fmt: skip
@click.option("-e", "--epochs", type=click.IntRange(1), default=6, show_default=True, help="Of each round.")
@click.option("--held-back", type=click.FloatRange(0, 1, min_open=True, max_open=True),
              help="Share of the patches that is not learned from, but told apart afterwards.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--force", is_flag=True, help="Overwrite MODEL if it exists.")
def train(
    folder: str | None,
    output: str,
    rounds: int,
    epochs: int,
    held_back: float | None,
    seed: int,
    force: bool,
) -> int:
    """Train a face detector on 25 x 25 patches.

    FOLDER has the folders "faces" and "others" of pictures, faces cut out from brow to chin. Without it the
    100 faces and 100 others of scikit-image's lfw_subset are learned from.

    \b
    Examples:
      convolve faces train -o faces.safetensors
      convolve faces train --held-back 0.3 -o faces.safetensors
    """  # noqa: D301  # \b tells click to keep these lines
    from convolve import faces  # here and below: --help must answer before NumPy is loaded
    from convolve.nn import models

    models.check_target(Path(output), force=force)
    patches = faces.face_patches() if folder is None else faces.patch_folder(folder)
    learned, rest = (patches, None) if held_back is None else patches.split(held_back, seed)
    note(f"{len(learned)} patches to learn from, and photographs without people; {rounds} rounds")
    detector = faces.train_detector(learned, seed=seed, lesson=faces.Lesson(rounds, epochs))
    detector.save(output, force=force)
    note(f"{shown_path(output)} is written")
    if rest is not None:
        click.echo(
            f"{faces.patch_accuracy(detector, rest):.2%} of {len(rest)} patches held back are told right"
        )
    return 0


@click.command(short_help="Find the faces of pictures.")
@click.argument("images", metavar="IMAGE…", nargs=-1, required=True)
@click.option("--model", required=True, metavar="MODEL", help='What "convolve faces train" wrote.')
@click.option("-o", "--output", metavar="FILE",
              help="Boxes as .csv or .json; or the picture with its boxes.")  # fmt: skip
@click.option("--score", type=click.FloatRange(0, 1, min_open=True, max_open=True),
              help="From which on a window is a face; MODEL's own if not given.")  # fmt: skip
@click.option("--smallest", type=click.FloatRange(1), metavar="PIXELS",
              help="Side of the smallest face; if not given, a 16th of the shorter side, or 25.")  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
def detect(
    images: tuple[str, ...],
    model: str,
    output: str | None,
    score: float | None,
    smallest: float | None,
    force: bool,
) -> int:
    """Find the faces of pictures, as boxes x1, y1, x2, y2 in pixels with scores, the best first.

    \b
    Examples:
      convolve faces detect photo.jpg --model faces.safetensors
      convolve faces detect photo.jpg --model faces.safetensors -o found.png
      convolve faces detect album/ --model faces.safetensors -o boxes.csv
    """  # noqa: D301  # \b tells click to keep these lines
    from convolve import faces, files  # --help must answer before NumPy is loaded

    if output is not None:
        files.atomic.refuse_existing(Path(output), force=force)
    drawn = output is not None and Path(output).suffix.lower() not in (".csv", ".json")
    if output is not None and drawn:
        files.formats.of_suffix(Path(output))
    paths, detector = files.expand(images), faces.FaceDetector.load(model)
    if output is not None:
        spare_sources(Path(output), paths)
    if drawn and len(paths) > 1:
        raise click.UsageError(f"boxes are drawn into one picture, not {len(paths)}; write .csv or .json")
    found: list[tuple[Path, Faces]] = []
    for path in paths:
        try:
            picture = files.read(path)
            found.append((path, detector(picture, score=score, smallest=smallest)))
        except ConvolveError as error:
            if len(paths) == 1:
                raise
            fail(str(error) if str(path) in str(error) else f"{shown_path(path)}: {error}")
    if output is None:
        click.echo(as_csv(found), nl=False)
    elif drawn:
        files.write(output, boxed(picture, found[0][1]), force=force)
    else:
        text = as_csv(found) if Path(output).suffix.lower() == ".csv" else as_json(found)
        files.atomic.write_bytes(Path(output), text.encode(), force=force)
    note(f"faces found: {sum(len(one) for _, one in found)}, in pictures: {len(found)}")
    return 0 if len(found) == len(paths) else PART_FAILED


def as_csv(found: "list[tuple[Path, Faces]]") -> str:
    """Return a row for each face."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["image", "x1", "y1", "x2", "y2", "score"])
    for path, one in found:
        for box, score in zip(one.boxes, one.scores, strict=True):
            writer.writerow([shown_path(path), *(f"{side:.1f}" for side in box), f"{score:.6f}"])
    return stream.getvalue()


def as_json(found: "list[tuple[Path, Faces]]") -> str:
    """Return an entry for each picture, also for those without faces."""
    whole = [
        {
            "image": shown_path(path),
            "boxes": one.boxes.round(1).tolist(),
            "scores": one.scores.round(6).tolist(),
        }
        for path, one in found
    ]
    return json.dumps(whole, indent=2) + "\n"


def boxed(picture: Any, found: "Faces") -> Any:
    """Return a picture with a frame around each face."""
    import numpy as np  # which --help must not wait for

    from convolve.detection import drawing, scenes  # as above

    labels, size = np.zeros(len(found), np.int64), picture.array.shape[:2]
    return drawing.drawn(
        picture, scenes.Found(found.boxes, labels, found.scores, size), ["face"] * len(found)
    )
