"""`convolve predict`: what a network makes of pictures; of many as CSV."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convolve.cli.classifier import load, prepared, shown
from convolve.cli.output import fail, shown_path
from convolve.errors import ConvolveError

if TYPE_CHECKING:
    from convolve.nn import Classifier

PART_FAILED = 3


@click.command(short_help="Tell what pictures show, by a trained network.")
@click.argument("model", metavar="MODEL")
@click.argument("images", metavar="IMAGE…", nargs=-1, required=True)
@click.option(
    "-k", "--top", type=click.IntRange(1), default=3, show_default=True, help="Classes per picture."
)
@click.option("-o", "--output", metavar="FILE", help="Write CSV into a file instead of printing it.")
@prepared
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
def command(
    model: str,
    images: tuple[str, ...],
    top: int,
    output: str | None,
    force: bool,
    how: Mapping[str, Any],
) -> int:
    """Tell what pictures show, by a trained network.

    MODEL is a file that "convolve train" wrote, which says how pictures are prepared, or an ONNX file for
    images (N, channels, height, width), which get numbers from 0 to 1, or what --mean and --std make of them.
    IMAGE is a picture, a folder or a pattern; one picture is answered in words, several as CSV.

    \b
    Examples:
      convolve predict photos.safetensors cat.jpg
      convolve predict photos.safetensors new/ --top 1 -o new.csv
      convolve predict resnet50.onnx cat.jpg --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
    """  # noqa: D301  # \b tells click to keep these lines
    from convolve import files  # here and below: --help must answer before NumPy is loaded

    if output is not None:
        if Path(output).suffix.lower() in (*files.SUFFIXES, ".json"):
            raise click.UsageError(f"answers are written as CSV, got {shown_path(output)}; name it .csv")
        files.atomic.refuse_existing(Path(output), force=force)
    classifier = load(model, how)
    paths = files.expand(images)
    if output is None and len(paths) == 1 and len(images) == 1 and not Path(images[0]).is_dir():
        for name, share in classifier.ranked(paths[0], top):
            click.echo(f"{100 * share:5.1f} %  {shown(name)}")
        return 0
    rows = list(answers(classifier, paths, top))
    text = as_csv([row for row in rows if row is not None], top)
    if output is None:
        click.echo(text, nl=False)
    else:
        files.atomic.write_bytes(Path(output), text.encode(), force=force)
    return PART_FAILED if None in rows else 0


def answers(classifier: "Classifier", paths: Sequence[Path], top: int) -> Iterator[list[Any] | None]:
    """Yield one row for each picture; None, after a message, for one that cannot be read."""
    for path in paths:
        try:
            found = classifier.ranked(path, top)
        except ConvolveError as error:
            fail(str(error))
            yield None
        else:
            yield [shown_path(path), *(cell for name, share in found for cell in (name, f"{share:.6f}"))]


def as_csv(rows: Sequence[Sequence[Any]], top: int) -> str:
    """Return rows below their heading.

    >>> print(as_csv([["a.png", "cat", "0.900000"]], 1))
    image,class1,probability1
    a.png,cat,0.900000
    <BLANKLINE>
    """
    width = max((len(row) - 1 for row in rows), default=2 * top) // 2
    heading = [name for k in range(1, width + 1) for name in (f"class{k}", f"probability{k}")]
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([["image", *heading], *rows])
    return stream.getvalue()
