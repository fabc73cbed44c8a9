"""`convolve plan`: how a convolution will be computed on this machine, and why."""

from typing import Any

import click

from convolve.cli import types


@click.command(short_help="Show how a convolution will be computed here, and its limit.")
@click.argument("input_shape", metavar="INPUT", type=types.shape)
@click.argument("weight_shape", metavar="WEIGHT", type=types.shape)
@click.option(
    "--operation", type=click.Choice(["conv", "conv_transpose", "input_grad", "weight_grad"]), default="conv"
)
@click.option("-s", "--stride", type=types.numbers, default="1", show_default=True)
@click.option("-p", "--padding", type=types.padding, default="0", show_default=True)
@click.option("-d", "--dilation", type=types.numbers, default="1", show_default=True)
@click.option("-g", "--groups", type=int, default=1, show_default=True)
@click.option(
    "--padding-mode", type=types.mode, default="zeros", show_default=True, help="zeros, reflect, symmetric, …"
)
@click.option("--layout", type=click.Choice(["channels_first", "channels_last"]), default="channels_first")
@click.option("--flip", is_flag=True, help="Turn the filter by 180 degrees: the mathematician's convolution.")
@click.option("--bias", is_flag=True, help="Plan with a bias.")
@click.option("--dtype", default="float32", show_default=True, help="Of the input.")
@click.option("--weight-dtype", help="Of the weight; the input's without it.")
@click.option("--out-dtype", help="Of the result; without it what the other two give.")
@click.option("--overflow", type=click.Choice(["raise", "wrap", "saturate"]), default="raise",
              show_default=True, help="What becomes of results that an integer dtype lacks.")  # fmt: skip
@click.option("--nan", type=click.Choice(["propagate", "ignore"]), default="propagate", show_default=True,
              help="Whether NaN in the input reaches the results, or is left out.")  # fmt: skip
@click.option("--accuracy", type=click.Choice(["default", "strict"]), default="default", show_default=True)
@click.option("--activation", type=click.Choice(["none", "relu", "relu6"]), default="none")
@click.option("-t", "--threads", type=int, help="Threads to plan for; all that may be used if left out.")
@click.option("--nest", "stage", flag_value="nest", help="Print the loop nest.")
@click.option("--ir", "stage", flag_value="ir", help="Print LLVM's intermediate representation.")
@click.option("--assembly", "stage", flag_value="assembly", help="Print the machine code as text.")
def command(
    input_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    threads: int | None,
    stage: str | None,
    **options: Any,
) -> None:
    """Show how a convolution will be computed on this machine, why so, and how fast it can be at best.

    INPUT is the input's shape and WEIGHT that of the weight, as conv1d, conv2d and conv3d take them.

    \b
    Examples:
      convolve plan 1x64x56x56 64x64x3x3 --padding 1
      convolve plan 1x64x56x56 64x64x3x3 --padding 1 --assembly
    """  # noqa: D301  # \b tells click to keep these lines
    from convolve import plan, set_num_threads  # --help must answer before NumPy is loaded

    if threads is not None:
        set_num_threads(threads)
    planned = plan(input_shape, weight_shape, **options)
    if stage is not None:
        click.echo(getattr(planned.routine, stage))
        return
    click.echo(planned.describe())
