"""`convolve predict`: what a network makes of pictures; of many as CSV."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convolve.cli.output import fail, shown_path
from convolve.errors import ConvolveError

if TYPE_CHECKING:
    from convolve.nn import Network

PART_FAILED = 3
Ranking = list[tuple[str, float]]


@click.command(short_help="Tell what pictures show, by a trained network.")
@click.argument("model", metavar="MODEL")
@click.argument("images", metavar="IMAGE…", nargs=-1, required=True)
@click.option(
    "-k", "--top", type=click.IntRange(1), default=3, show_default=True, help="Classes per picture."
)
@click.option("-o", "--output", metavar="FILE", help="Write CSV into a file instead of printing it.")
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
def command(model: str, images: tuple[str, ...], top: int, output: str | None, force: bool) -> int:
    """Tell what pictures show, by a trained network.

    MODEL is a file that "convolve train" wrote, or an ONNX file for images (N, channels, height, width) from
    0 to 1. IMAGE is a picture, a folder or a pattern; one picture is answered in words, several as CSV.

    \b
    Examples:
      convolve predict photos.safetensors cat.jpg
      convolve predict photos.safetensors new/ --top 1 -o new.csv
    """  # noqa: D301  # \b tells click to keep these lines
    from convolve import files  # here and below: --help must answer before NumPy is loaded
    from convolve.nn.models import load_classifier

    if output is not None:
        files.atomic.refuse_existing(Path(output), force=force)
    network, classes = load_classifier(model)
    paths = files.expand(images)
    if output is None and len(paths) == 1 and len(images) == 1 and not Path(images[0]).is_dir():
        for name, share in ranked(network, classes, paths[0], top):
            click.echo(f"{100 * share:5.1f} %  {name}")
        return 0
    rows = list(answers(network, classes, paths, top))
    text = as_csv([row for row in rows if row is not None], top)
    if output is None:
        click.echo(text, nl=False)
    else:
        files.atomic.write_bytes(Path(output), text.encode(), force=force)
    return PART_FAILED if None in rows else 0


def answers(
    network: "Network", classes: Sequence[str], paths: Sequence[Path], top: int
) -> Iterator[list[Any] | None]:
    """Yield one row for each picture; None, after a message, for one that cannot be read."""
    for path in paths:
        try:
            found = ranked(network, classes, path, top)
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


def ranked(network: "Network", classes: Sequence[str], path: Path, top: int) -> Ranking:
    """Return the most likely classes of one picture, with their probabilities."""
    import numpy as np  # which --help must not wait for

    from convolve.errors import ShapeError

    result = network(prepared(network, path))
    if not isinstance(result, np.ndarray) or result.ndim != 2:
        raise ShapeError("the model must give one row of numbers per picture; it is no classifier")
    scores = result[0].astype(np.float64)
    if network.graph.nodes[-1].operation != "Softmax":
        scores = np.exp(scores - scores.max())
        scores /= scores.sum()
    best = np.argsort(-scores, kind="stable")[:top]
    return [(classes[k] if k < len(classes) else str(k), float(scores[k])) for k in best]


def prepared(network: "Network", path: Path) -> Any:
    """Return a picture as the network takes it: its channels, its size where it has one, from 0 to 1."""
    import numpy as np  # which --help must not wait for, as the next ones

    from convolve.errors import ShapeError
    from convolve.nn.training.folders import cells_of, fitted

    shape = network.inputs[0].shape
    if len(network.inputs) != 1 or len(shape) != 4 or shape[1] not in (1, 3):
        given = ", ".join(map(str, network.inputs))
        raise ShapeError(
            f"the model must take grey or coloured images (N, 1 or 3, height, width), not {given}"
        )
    cells = cells_of(path)
    height, width = (
        wanted if isinstance(wanted, int) else given
        for wanted, given in zip(shape[2:], cells.shape[1:], strict=True)
    )
    return fitted(cells, (height, width), int(shape[1]))[None] / np.float32(255)
