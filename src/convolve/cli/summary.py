"""`convolve summary`: what a network is made of, layer by layer."""

from collections.abc import Mapping
from typing import Any

import click

from convolve.cli import types
from convolve.cli.output import shown_path

SHOWN = 20
"""Classes that are named, at most."""


@click.command(short_help="Show a network's layers, parameters, work and memory.")
@click.argument("model", metavar="MODEL")
@click.option(
    "--shape", type=types.shape, help="Of the input, such as 1x3x224x224, where MODEL leaves it open."
)
def command(model: str, shape: tuple[int, ...] | None) -> None:
    """Show a network's layers: shapes, parameters, multiply-adds, memory, and what each sees of the image.

    MODEL is a file that "convolve train" wrote, whose classes and pictures are shown, too, or an ONNX file.

    \b
    Examples:
      convolve summary model.safetensors
      convolve summary resnet50.onnx --shape 1x3x224x224
    """  # noqa: D301  # \b tells click to keep these lines
    from convolve.nn import models  # here and below: --help must answer before NumPy is loaded

    network, facts = models.read(model)
    click.echo(str(network.summary(*([] if shape is None else [shape]))))
    if "preprocessing" in facts:
        click.echo(f"\n{told(facts)}")


def told(facts: Mapping[str, Any]) -> str:
    """Return what a file says of its classes and pictures."""
    from convolve.nn import Preprocessing  # as above

    how, classes = Preprocessing.from_json(facts["preprocessing"]), facts.get("classes")
    names = [shown_path(name) for name in classes] if isinstance(classes, list) else []
    size = "their own size" if how.size is None else "x".join(map(str, how.size))
    kind = "grey" if how.channels == 1 else "red, green, blue"
    more = f", … ({len(names)})" if len(names) > SHOWN else ""
    less = "" if (how.mean, how.std) == ((0.0,), (1.0,)) else f", less {how.mean}, over {how.std}"
    less += "" if how.crop == 1 else f", {how.crop} of the shorter side"
    return f"pictures  {size}, {kind}{less}\nclasses   {', '.join(names[:SHOWN]) or 'without names'}{more}"
