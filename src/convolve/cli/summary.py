"""`convolve summary`: what a network is made of, layer by layer."""

import click

from convolve.cli import types


@click.command(short_help="Show a network's layers, parameters, work and memory.")
@click.argument("model", metavar="MODEL")
@click.option(
    "--shape", type=types.shape, help="Of the input, such as 1x3x224x224, where MODEL leaves it open."
)
def command(model: str, shape: tuple[int, ...] | None) -> None:
    """Show a network's layers: shapes, parameters, multiply-adds, memory, and what each sees of the image.

    MODEL is a file that "convolve train" wrote, or an ONNX file.

    \b
    Examples:
      convolve summary model.safetensors
      convolve summary resnet50.onnx --shape 1x3x224x224
    """  # noqa: D301  # \b tells click to keep these lines
    from convolve import load  # --help must answer before NumPy is loaded

    network = load(model)
    click.echo(str(network.summary(*([] if shape is None else [shape]))))
