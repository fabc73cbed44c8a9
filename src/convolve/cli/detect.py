"""`convolve detect`: things in pictures, with their boxes: train a detector, run any, score it."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convolve.cli import types
from convolve.cli.checkpoint import check
from convolve.cli.classifier import MEAN, NAMES, STD, gathered, pair
from convolve.cli.output import fail, note, shown_path
from convolve.errors import ConvolveError

if TYPE_CHECKING:
    from convolve.detection.detector import Detector
    from convolve.detection.scenes import Scenes

INTERRUPTED, PART_FAILED = 130, 3
HELD_OUT_SCENES = 300
"""Scenes that "digits" is scored on; some 1,300 digits, so that a percent more or less is no chance."""


@click.group(short_help="Find things in pictures: train, run and score detectors.")
def command() -> None:
    """Find things in pictures, as boxes with classes and scores.

    \b
    Examples:
      convolve detect train digits -o digits.safetensors
      convolve detect run digits.safetensors photo.jpg -o found.png
      convolve detect score digits.safetensors digits
    """  # noqa: D301  # \b tells click to keep these lines


def used(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that tell how a detector from elsewhere is used, as the argument ``how``."""
    boxes = click.option(
        "--boxes", metavar="FORM",
        help="Form of a foreign model's boxes if it is not certain: xyxy, cxcywh, xywh or yxyx, "
        "perhaps with ,pixels or ,normalised behind it.",
    )  # fmt: skip
    size = click.option(
        "--size", type=types.size, callback=pair,
        help="Of the frame that pictures are laid into, for networks that take any.",
    )  # fmt: skip
    return gathered(function, ("size", "mean", "std", "classes", "boxes"), (boxes, NAMES, STD, MEAN, size))


@command.command(short_help="Train a small detector.")
@click.argument("data", metavar="DATA")
@click.option("-o", "--output", required=True, metavar="MODEL", help="File: .safetensors, or .onnx.")
@click.option("--images", metavar="FOLDER", help="Of DATA's pictures, if they do not lie beside it.")
@click.option("--scenes", type=click.IntRange(1), default=8000, show_default=True, help='Of "digits".')
@click.option("-e", "--epochs", type=click.IntRange(1), default=6, show_default=True)
@click.option("--size", type=types.size, callback=pair, default="96x96", show_default=True,
              help="Of the frame that pictures are laid into; multiples of 32.")  # fmt: skip
@click.option("--batch-size", type=click.IntRange(1), default=8, show_default=True)
@click.option("--lr", type=click.FloatRange(0, min_open=True), default=4e-3, show_default=True,
              help="The largest learning rate; it rises, and falls like a cosine.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--checkpoint", metavar="FILE", help="Written after every epoch, to go on from.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint, with the same bits.")
@click.option("--force", is_flag=True, help="Overwrite MODEL if it exists.")
def train(
    data: str,
    output: str,
    images: str | None,
    scenes: int,
    epochs: int,
    size: tuple[int, int],
    batch_size: int,
    lr: float,
    seed: int,
    checkpoint: str | None,
    resume: bool,
    force: bool,
) -> int:
    """Train a small detector that needs no first weights.

    DATA is a COCO file (JSON) whose pictures lie beside it, or "digits": scikit-learn's handwritten digits on
    scikit-image's photographs. Nothing is held back: score it on data of its own. Ctrl-C ends the training
    and keeps the weights so far.

    \b
    Examples:
      convolve detect train digits -o digits.safetensors
      convolve detect train cells/train.json --images cells/images -o cells.onnx --size 256x256
    """  # noqa: D301  # \b tells click to keep these lines
    check(checkpoint, output, resume=resume)
    from convolve.detection import training  # here and below: --help must answer before NumPy is loaded
    from convolve.nn.models import check_target
    from convolve.nn.training.progress import line

    check_target(Path(output), force=force)
    known = read_scenes(data, images, scenes, "train", size, seed)
    note(f"{len(known)} pictures with {known.boxes} boxes of {len(known.classes)} classes to learn from")
    done = training.train(
        known,
        size,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        seed=seed,
        checkpoint=checkpoint,
        resume=resume,
        after_epoch=lambda epoch: None if sys.stderr.isatty() else note(line(epoch, epochs)),  # or a bar
    )
    if not done.trained.history:
        note("interrupted before the first epoch was over; nothing was written")
        return INTERRUPTED
    done.detector.save(output, force=force)
    note(f"{shown_path(output)}: the weights of {line(done.trained.history[-1], epochs)}")
    return INTERRUPTED if done.trained.interrupted else 0


def read_scenes(
    data: str, images: str | None, count: int, part: str, size: tuple[int, int], seed: int
) -> "Scenes":
    """Return the scenes of a COCO file, or some of digits."""
    from convolve.detection import coco, digits  # loads NumPy, which --help must not wait for

    if data == "digits" and not Path(data).exists():
        return digits.digit_scenes(count, part, size, seed=seed)
    return coco.read(data, images)


@command.command(short_help="Find things in pictures by a detector.")
@click.argument("model", metavar="MODEL")
@click.argument("images", metavar="IMAGE…", nargs=-1, required=True)
@click.option(
    "-o", "--output", metavar="PATH", help="Picture with boxes; folder for many; .json (COCO) or .csv."
)
@click.option("--threshold", type=click.FloatRange(0, 1), default=0.4, show_default=True,
              help="Score from which on a box counts.")  # fmt: skip
@click.option("--iou", "overlap", type=click.FloatRange(0, 1), default=0.5, show_default=True,
              help="Overlap from which on the worse of two boxes of a class is left out.")  # fmt: skip
@used
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def run(
    model: str,
    images: tuple[str, ...],
    output: str | None,
    threshold: float,
    overlap: float,
    how: Mapping[str, Any],
    force: bool,
) -> int:
    """Find things in pictures.

    MODEL is a file that "convolve detect train" wrote, or any ONNX detector of pictures (1, 1 or 3, height,
    width) that gives boxes and scores. IMAGE is a picture, a folder or a pattern; pictures are laid into the
    model's frame as a whole, with grey bars. Without -o, boxes are printed as CSV: corners in pixels.

    \b
    Examples:
      convolve detect run digits.safetensors photo.jpg -o found.png
      convolve detect run digits.safetensors photos/ -o found.json
      convolve detect run yolov8n.onnx street.jpg -o found.png --threshold 0.25
    """  # noqa: D301  # \b tells click to keep these lines
    from convolve import files  # here and below: --help must answer before NumPy is loaded
    from convolve.cli.detections import Sink
    from convolve.detection.detector import Detector

    paths = files.expand(images)
    sink = Sink.of(output, paths, force=force)
    detector = Detector.load(model, **how)
    failed = 0
    for path in paths:
        try:
            sink.take(path, detector(path, threshold=threshold, overlap=overlap), detector)
        except ConvolveError as error:
            if len(paths) == 1:
                raise
            fail(str(error))
            failed += 1
    sink.finish(detector)
    return PART_FAILED if failed else 0


@command.command(short_help="Score a detector by COCO's rules.")
@click.argument("model", metavar="MODEL")
@click.argument("data", metavar="DATA")
@click.option("--images", metavar="FOLDER", help="Of DATA's pictures, if they do not lie beside it.")
@click.option(
    "--scenes", type=click.IntRange(1), default=HELD_OUT_SCENES, show_default=True, help='Of "digits".'
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help='Of "digits".')
@click.option("-o", "--output", metavar="FILE", help="All figures as JSON.")
@click.option("--results", metavar="FILE", help="All boxes found, as COCO's list of results.")
@used
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def score(
    model: str,
    data: str,
    images: str | None,
    scenes: int,
    seed: int,
    output: str | None,
    results: str | None,
    how: Mapping[str, Any],
    force: bool,
) -> int:
    """Score a detector on pictures whose boxes are known: mAP@.5:.95, mAP@.5 and each class, by pycocotools.

    MODEL is as in "convolve detect run". DATA is a COCO file (JSON) with the same names of classes, whose
    pictures lie beside it, or "digits": scenes of digits and photographs that "train digits" never uses.

    \b
    Examples:
      convolve detect score digits.safetensors digits
      convolve detect score yolov8n.onnx instances_val2017.json --images val2017/ -o scores.json
    """  # noqa: D301  # \b tells click to keep these lines
    from convolve.detection import coco, scoring  # here and below: --help must answer before NumPy is loaded
    from convolve.detection.detector import Detector
    from convolve.files import atomic

    if output is not None and results is not None and Path(output).resolve() == Path(results).resolve():
        raise click.UsageError(f"-o and --results must be two files, both are {shown_path(output)}")
    for path in (output, results):
        if path is not None:
            atomic.refuse_existing(Path(path), force=force)
    detector = Detector.load(model, **how)
    known = read_scenes(data, images, scenes, "held-out", frame_of(detector), seed)
    found = scoring.detected(detector, known)
    scores = scoring.score(known, found)
    click.echo(str(scores))
    wanted = ((output, scores.as_json()), (results, coco.results(known, found)))
    for path, facts in wanted:
        if path is not None:
            atomic.write_bytes(Path(path), coco.text(facts), force=force)
            note(f"{shown_path(path)} is written")
    return 0


def frame_of(detector: "Detector") -> tuple[int, int]:
    """Return the size of a detector's frame."""
    height, width = detector.preprocessing.size or (0, 0)
    return height, width
