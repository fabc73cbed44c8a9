"""`convolve score`: how good a network is on pictures in class folders: matrix, precision, calibration."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convolve.cli.classifier import load, prepared
from convolve.cli.data import read_data
from convolve.cli.output import note, shown_path
from convolve.errors import ArgumentError

if TYPE_CHECKING:
    from convolve.nn import Classifier, Data
    from convolve.nn.scoring.scores import Scores

PICTURES = ("png", "svg", "pdf")


@click.command(short_help="Score a network: confusion matrix, top-k, calibration.")
@click.argument("model", metavar="MODEL")
@click.argument("data", metavar="DATA")
@click.option(
    "--held-back", is_flag=True, help='Score the part of DATA that "convolve train" did not learn from.'
)
@click.option("-k", "--top", type=click.IntRange(1), default=3, show_default=True, help="Classes for top-k.")
@click.option("--bins", type=click.IntRange(1, 1000), default=15, show_default=True, help="Of confidence.")
@click.option(
    "-o", "--output", metavar="FILE", help="Report: .json; .png, .svg or .pdf; .csv, a row per picture."
)
@prepared
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
def command(
    model: str,
    data: str,
    held_back: bool,
    top: int,
    bins: int,
    output: str | None,
    force: bool,
    how: Mapping[str, Any],
) -> int:
    """Score a network on pictures whose classes are known.

    MODEL is a file that "convolve train" wrote, or an ONNX classifier of images. DATA is a folder with a
    folder of pictures for each class, named as in MODEL, or "digits". Printed are accuracy, top-k accuracy,
    log loss, Brier score, precision, recall and F1 of each class, the confusion matrix, and whether
    probabilities mean what they say.

    \b
    Examples:
      convolve score photos.safetensors photos/ --held-back
      convolve score photos.safetensors test/ -o report.png
      convolve score resnet50.onnx test/ --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 -o report.json
    """  # noqa: D301  # \b tells click to keep these lines
    from convolve import nn  # here and below: --help must answer before NumPy is loaded
    from convolve.files import atomic

    if output is not None:
        writer_of(output)
        atomic.refuse_existing(Path(output), force=force)
    classifier = load(model, how)
    classifier, pictures = asked(classifier, data, held_back)
    probabilities = classifier.probabilities(pictures.images)
    names = [classifier.name(number) for number in range(probabilities.shape[1])]
    found = nn.scores(probabilities, pictures.targets, names, k=top, bins=bins)
    click.echo(str(found))
    if output is not None:
        report = Report(found, pictures.targets, probabilities, pictures.names)
        atomic.write_bytes(Path(output), writer_of(output)(report), force=force)
        note(f"{shown_path(output)} is written")
    return 0


def asked(classifier: "Classifier", data: str, held_back: bool) -> "tuple[Classifier, Data]":
    """Return the pictures, numbered as the network does, and the network with names for its classes."""
    from convolve import nn  # loads NumPy, which --help must not wait for

    how, known = classifier.preprocessing, classifier.held_back
    if how.size is None:
        raise click.UsageError("the model takes pictures of any size; say which with --size, such as 224x224")
    whole = read_data(data, how.size, how.channels, how.crop)
    if held_back and known is None:
        raise ArgumentError(
            'the model does not say what was held back; "convolve train" writes files that do'
        )
    if known is not None and not held_back and whole.digest() == known.digest:
        note("most of these pictures were learned from; --held-back scores the others")
    part = known.of(whole) if held_back and known is not None else whole
    if not classifier.classes and not all(name.isdecimal() for name in part.classes):
        note("the model has no names of classes; those of DATA stand for its numbers, in alphabetical order")
        return nn.Classifier(classifier.network, part.classes, how), part
    numbers = [numbered(classifier, name) for name in part.classes]
    return classifier, nn.Data(part.images, [numbers[k] for k in part.targets], part.classes, part.names)


def numbered(classifier: "Classifier", name: str) -> int:
    """Return the number of a class of DATA; where the model has names, a number is none."""
    if classifier.classes and name not in classifier.classes:
        known = ", ".join(classifier.classes[:20])
        raise ArgumentError(f"the model must know each class of DATA, but has no {name!r}; it has {known}")
    return classifier.number(name)


@dataclass(frozen=True)
class Report:
    """What is written into a file."""

    scores: "Scores"
    targets: Any
    probabilities: Any
    names: Sequence[str]

    def as_json(self) -> bytes:
        """Return all figures."""
        return (json.dumps(self.scores.as_json(), indent=2, ensure_ascii=False) + "\n").encode()

    def as_csv(self) -> bytes:
        """Return a row for each picture."""
        classes, stream = self.scores.classes, io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["image", "class", "said", "probability", "probability of class"])
        for name, target, row in zip(self.names, self.targets, self.probabilities, strict=True):
            said = int(row.argmax())
            shares = (f"{row[said]:.6f}", f"{row[target]:.6f}")
            writer.writerow([shown_path(name), classes[target], classes[said], *shares])
        return stream.getvalue().encode()

    def drawn(self, kind: str) -> bytes:
        """Return confusion matrix and reliability diagram as a picture."""
        stream = io.BytesIO()
        self.scores.plot()[0].figure.savefig(stream, format=kind, dpi=110)
        return stream.getvalue()


def writer_of(output: str) -> Callable[[Report], bytes]:
    """Return what makes a file with that suffix."""
    suffix = Path(output).suffix.lower().removeprefix(".")
    if suffix in PICTURES:
        return lambda report: report.drawn(suffix)
    if suffix not in ("json", "csv"):
        raise click.UsageError(f"a report must be .json, .csv, .{', .'.join(PICTURES)}; got {output!r}")
    return Report.as_json if suffix == "json" else Report.as_csv
