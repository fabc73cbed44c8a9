"""`convolve export`: a network from one kind of file into the other: ONNX, or our own."""

from pathlib import Path

import click

from convolve.cli.output import note, shown_path


@click.command(short_help="Write a network as ONNX, or in our own form.")
@click.argument("model", metavar="MODEL")
@click.option("-o", "--output", required=True, metavar="FILE", help="File: .onnx, or .safetensors.")
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
def command(model: str, output: str, force: bool) -> None:
    """Write a network as ONNX, which other programs run, or in our own form.

    MODEL is a file that "convolve train" wrote, or an ONNX file. Names of classes and how pictures are
    prepared go along: in ONNX as JSON, in the metadata "convolve". The network takes prepared pictures.

    \b
    Example:
      convolve export photos.safetensors -o photos.onnx
    """  # noqa: D301  # \b tells click to keep these lines
    from convolve.nn import models  # loads NumPy, which --help must not wait for

    models.check_target(Path(output), force=force)
    network, facts = models.read(model)
    models.write(output, network, facts, force=force)
    note(f"{shown_path(output)}: {len(network.layers)} layers, inputs {', '.join(map(str, network.inputs))}")
