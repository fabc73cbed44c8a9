"""`convolve cam`: which places of a picture speak for a class, as a picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from convolve.cli.classifier import load, prepared, shown
from convolve.cli.output import note, shown_path, spare_sources

SMALLEST = 256
"""Pixels of the picture's shorter side, at least: of 8 × 8 nothing would be seen. Cells are repeated."""


@click.command(short_help="Show which places of a picture speak for its class.")
@click.argument("model", metavar="MODEL")
@click.argument("image", metavar="IMAGE")
@click.option("-o", "--output", metavar="FILE", help="The picture written; IMAGE.cam.png if not given.")
@click.option("--class", "wanted", metavar="NAME", help="By name or number; the most likely if not given.")
@click.option(
    "--layer", metavar="NAME", help="The layer that is looked at; the last convolution if not given."
)
@prepared
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
def command(
    model: str,
    image: str,
    output: str | None,
    wanted: str | None,
    layer: str | None,
    force: bool,
    how: Mapping[str, Any],
) -> int:
    """Show which places of a picture speak for its class, by Grad-CAM.

    MODEL is a file that "convolve train" wrote, or an ONNX classifier of images. The picture is shown as the
    network gets it, with what speaks for the class in warm colours.

    \b
    Examples:
      convolve cam photos.safetensors cat.jpg
      convolve cam resnet50.onnx cat.jpg --class 281 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
    """  # noqa: D301  # \b tells click to keep these lines
    import numpy as np  # here and below: --help must answer before NumPy is loaded

    from convolve import files, nn

    path = Path(image)
    target = path.with_name(f"{path.stem}.cam.png") if output is None else Path(output)
    spare_sources(target, [path])
    files.atomic.refuse_existing(target, force=force)
    classifier = load(model, how)
    number = None if wanted is None else classifier.number(wanted)
    picture = classifier.preprocessing.cells(path)
    images = classifier.preprocessing.normalised(picture)
    found = nn.grad_cam(classifier.network, images, number, layer=layer)
    times = -(-SMALLEST // min(picture.shape[2:]))
    enlarged = np.repeat(np.repeat(picture, times, axis=2), times, axis=3)
    files.write(target, files.Picture(found.overlay(enlarged)[0], "YXC"), force=force)
    name, share = shown(classifier.name(found.classes[0])), 100 * float(found.probabilities[0])
    click.echo(f"{share:5.1f} %  {name}")
    note(f"{shown_path(target)}: what speaks for {name} at the layer {found.layer}")
    return 0
