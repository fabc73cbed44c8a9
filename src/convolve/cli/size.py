"""`convolve size`: the size of a result, and the formula with the numbers put in."""

from typing import Any

import click

from convolve.cli import types
from convolve.cli.types import Numbers


@click.command(short_help="Work out the size of a result, with the formula.")
@click.argument("size", type=types.size)
@click.option(
    "-k", "--kernel", "kernel", type=types.size, required=True, help="Size of the filter: 7 or 7x5."
)
@click.option("-s", "--stride", type=types.numbers, default="1", show_default=True)
@click.option("-p", "--padding", type=types.padding, default="0", show_default=True)
@click.option("-d", "--dilation", type=types.numbers, default="1", show_default=True)
@click.option("--transposed", is_flag=True, help="Of a transposed convolution.")
def command(
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: Numbers,
    padding: Any,
    dilation: Numbers,
    transposed: bool,
) -> None:
    """Work out the size of a result, with the formula.

    SIZE is that of the image, such as 224x224. The first line is the size of the result, the lines after it
    say how it comes about.

    \b
    Example:
      convolve size 224x224 -k 7 -s 2 -p 3
    """  # noqa: D301  # \b tells click to keep these lines
    import numpy as np  # here and below: --help must answer before NumPy is loaded

    from convolve import explain, output_shape

    taps = kernel * len(size) if len(kernel) == 1 else kernel
    if len(taps) != len(size):
        raise click.UsageError(
            f"the filter must have one size, or one per dimension: the image {size} has {len(size)}, "
            f"the filter {taps} has {len(taps)}"
        )
    options: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    result = output_shape(size, taps, dims=len(size), transposed=transposed, **options)
    nothing = np.uint8(0)  # broadcast, so that an image of any size takes no memory
    explained = explain(
        np.broadcast_to(nothing, size), np.broadcast_to(nothing, taps), transposed=transposed, **options
    )
    click.echo("x".join(map(str, result)))
    for line in dict.fromkeys(explained.size_formula):
        click.echo(line)
