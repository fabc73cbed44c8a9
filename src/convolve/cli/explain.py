"""`convolve explain`: the steps of one convolution, of the lesson's example, a picture or a table."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convolve.cli import types
from convolve.cli.output import note
from convolve.cli.types import Numbers
from convolve.errors import ArgumentError, FilterError

if TYPE_CHECKING:
    from convolve.dtypes import Array
    from convolve.explain.explanation import Explanation

LESSON = "1 2 3 0 1; 0 1 2 3 1; 1 2 1 0 0; 2 1 0 1 2; 0 1 2 3 1"
LESSON_FILTER = "1 0 -1; 1 0 -1; 1 0 -1"
PIPE = "-"
LARGEST_SIDE = 32
"""Cells along a side of a picture that can still be shown whole."""
CROP = 12
"""Cells along a side of the part that is shown of a larger one."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where to, for each form that was asked for, and which step."""

    files: dict[str, str]
    step: str | None
    at: tuple[int, ...] | None
    interactive: bool
    force: bool


class TableCommand(click.Command):
    """A command whose arguments may be tables, also such as begin with a negative number."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put a space before a table that would be taken for an option."""
        return super().parse_args(ctx, [f" {one}" if re.match(r"-[\d.].*\s", one) else one for one in args])


@click.command(cls=TableCommand, short_help="Show every step of a convolution with its numbers.")
@click.argument("source", metavar="[SRC]", required=False)
@click.option("-k", "--kernel", default=LESSON_FILTER, show_default=True,
              shell_complete=types.complete_filter,
              help="A name, rows of numbers, or a .npy or .csv file.")  # fmt: skip
@click.option("-s", "--stride", type=types.numbers, default="1", show_default=True)
@click.option("-p", "--padding", type=types.padding, default="0", show_default=True,
              help="Cells per side, or same, full, valid.")  # fmt: skip
@click.option("-m", "--mode", type=types.mode, default="zeros", show_default=True,
              help="The border: zeros, reflect, symmetric, replicate, circular, or a number.")  # fmt: skip
@click.option("-d", "--dilation", type=types.numbers, default="1", show_default=True)
@click.option("-g", "--groups", type=int, default=1, show_default=True)
@click.option("--bias", type=types.bias, help="A number that is added to every sum.")
@click.option("--transposed", is_flag=True, help="Explain the transposed convolution.")
@click.option("--flip", is_flag=True, help="Turn the filter by 180 degrees: the mathematician's convolution.")
@click.option("--step", metavar="N|all", help="Show step N, counted from 1, or all of them.")
@click.option(
    "--at", type=types.numbers, metavar="ROW,COL", help="Show the step of this output, counted from 0."
)
@click.option("-i", "--interactive", is_flag=True, help="Walk through the steps: arrows, space, q.")
@click.option("--html", metavar="FILE", help="Write a page that needs no other file.")
@click.option("--gif", metavar="FILE", help="Write an animation.")
@click.option("--svg", metavar="FILE", help="Write one step as a drawing.")
@click.option("--json", metavar="[FILE]", is_flag=False, flag_value=PIPE, help="Write everything as data.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def command(
    source: str | None,
    kernel: str,
    stride: Numbers,
    padding: Any,
    mode: Any,
    dilation: Numbers,
    groups: int,
    bias: Any,
    transposed: bool,
    flip: bool,
    step: str | None,
    at: Numbers | None,
    interactive: bool,
    force: bool,
    **forms: str | None,
) -> None:
    """Show every step of a convolution with its numbers.

    SRC is a picture, "-" for one from a pipe, a table such as "1 2 3; 4 5 6", or a .csv or .npy file.
    Without it, the example of the lesson is explained. "-" as FILE is standard output.

    A filter without channels is laid on every channel of a colour picture, and the sums of the channels are
    added up, as in a network; --groups with the number of channels keeps them apart.

    \b
    Examples:
      convolve explain
      convolve explain --stride 2 --padding 1 --step all
      convolve explain "1 2 3; 4 5 6; 7 8 9" -k "1 0; 0 -1" --interactive
      convolve explain photo.png -k sobel-x --at 120,80
      convolve explain --html lesson.html --gif lesson.gif
    """  # noqa: D301  # \b tells click to keep these lines
    where = (at,) if isinstance(at, int) else at
    wanted = Wanted(
        {form: path for form, path in forms.items() if path is not None}, step, where, interactive, force
    )
    options = {
        "bias": bias,
        "stride": stride,
        "padding": padding,
        "padding_mode": mode,
        "dilation": dilation,
        "groups": groups,
        "transposed": transposed,
        "flip": flip,
    }
    check(wanted)
    image = read_image(source)
    weight = weight_for(image, kernel, groups, transposed)
    show(image, weight, options, wanted)


def check(wanted: Wanted) -> None:
    """Refuse what contradicts itself before anything is computed."""
    if wanted.step is not None and wanted.at is not None:
        raise click.UsageError("--step and --at both choose a step; give one of them")
    if wanted.step is not None and wanted.step != "all" and not re.fullmatch(r"[1-9]\d*", wanted.step):
        raise click.UsageError(f"--step must be a number from 1, or all; got {wanted.step!r}")
    if list(wanted.files.values()).count(PIPE) > 1:
        raise click.UsageError("only one form can go to standard output; give the others a file")
    if wanted.interactive:
        # termios is found on some systems only, and --help must not wait for it
        from convolve.cli.terminal import check_terminal

        check_terminal()


def read_image(source: str | None) -> "Array":
    """Return the image as (height, width), or (channels, height, width) for a colour picture."""
    import numpy as np  # here and below: --help must answer before NumPy is loaded

    from convolve import filters
    from convolve.filters.text import is_table

    text = LESSON if source is None else source
    path = Path(text)
    if text != PIPE and (path.suffix.lower() == ".csv" or (is_table(text) and not path.exists())):
        try:
            table = filters.get(text).weights[0]
        except FilterError as refusal:
            raise FilterError(f"the image cannot be read: {refusal}") from refusal
        return table.astype(np.int64) if table.dtype.kind in "iu" else table
    return read_picture(text)


def read_picture(text: str) -> "Array":
    """Return the first plane of a picture, channels first, without alpha."""
    from convolve import files  # loads NumPy, which --help must not wait for

    picture = files.read(sys.stdin.buffer if text == PIPE else text)
    for one in picture.notes:
        note(one)
    array, axes = picture.array, picture.axes
    if "C" not in axes and text.lower().endswith(".npy"):
        axes = axes.replace("Z", "C")  # the dimensions that convolve.explain takes: (channels, height, width)
    if picture.alpha:
        array = array.take(range(array.shape[axes.index("C")] - 1), axes.index("C"))
        note("the explanation leaves alpha out")
    for axis in [one for one in axes if one not in "CYX"]:
        if array.shape[axes.index(axis)] > 1:
            note(f"the explanation is about the first of {array.shape[axes.index(axis)]} planes along {axis}")
        array, axes = array.take(0, axes.index(axis)), axes.replace(axis, "")
    ordered: Array = array.transpose([axes.index(axis) for axis in "CYX" if axis in axes])
    return ordered[0] if ordered.ndim == 3 and len(ordered) == 1 else ordered


def weight_for(image: "Array", kernel: str, groups: int, transposed: bool) -> "Array":
    """Return the filter with the channels that the image needs: the same weights for each of them."""
    import numpy as np  # here and below: --help must answer before NumPy is loaded

    from convolve import filters

    found = filters.get(kernel)
    if len(found.weights) > 1:
        parts = [name for name in filters.names() if name.startswith(f"{found.name.split(':')[0]}-")]
        hint = f", such as --kernel {parts[0]}" if parts else ""
        raise FilterError(
            f"explain shows one filter at a time, but {found.name!r} combines {len(found.weights)}; "
            f"choose one of them{hint}"
        )
    weight = found.weights[0][None] if found.weights[0].ndim == 1 < image.ndim else found.weights[0]
    if weight.ndim != 2 or image.ndim == 2:
        return weight
    channels = len(image)
    if groups < 1 or channels % groups:
        raise ArgumentError(
            f"groups must divide the channels: the image has {channels}, which {groups} groups do not "
            f"divide; use --groups 1 or {channels}"
        )
    shape = (channels, 1) if transposed else (groups, channels // groups)
    return np.broadcast_to(weight, (*shape, *weight.shape))


def show(image: "Array", weight: "Array", options: dict[str, Any], wanted: Wanted) -> None:
    """Show the explanation in every form that was asked for, as text if none was."""
    from convolve import explain  # loads NumPy, which --help must not wait for

    explanation = explain(image, weight, **options)
    number = chosen_step(explanation, wanted)
    if wanted.interactive:
        # termios is found on some systems only, and --help must not wait for it
        from convolve.cli.terminal import walk

        walk(explanation, number or 0)
        return
    whole = explanation
    every = wanted.step == "all" or set(wanted.files) - {"svg"}
    large = max(image.shape[-2:]) > LARGEST_SIDE
    if every and large:
        whole = explain(cropped(image, explanation, number), weight, **options)
    if not wanted.files:
        if large and not every and number is None:
            note(f"this is the first of {len(explanation.steps)} steps; choose others with --at ROW,COL")
        show_text(whole, number, wanted)
        return
    for form, path in wanted.files.items():
        write_form(form, explanation if form == "svg" else whole, number, path, wanted.force)


def chosen_step(explanation: "Explanation", wanted: Wanted) -> int | None:
    """Return the number, from 0, of the step that was chosen; None if it is all or none."""
    if wanted.at is not None:
        return explanation.step_number(wanted.at)
    if wanted.step in (None, "all"):
        return None
    number, count = int(str(wanted.step)), len(explanation.steps)
    if number > count:
        raise ArgumentError(f"--step must be at most {count}, the number of steps; got {number}")
    return number - 1


def show_text(explanation: "Explanation", number: int | None, wanted: Wanted) -> None:
    """Print the explanation, in plain ASCII unless a terminal reads it."""
    plain = not sys.stdout.isatty()
    text = explanation.to_text(number, all=wanted.step == "all", ascii=plain)
    click.echo(text.rstrip("\n"))


def cropped(image: "Array", explanation: "Explanation", number: int | None) -> "Array":
    """Return the part of a large picture around a step, the middle one if none was chosen; say so."""
    shape = explanation.call.spec.result_shape[1:]
    middle = (0, *(size // 2 for size in shape[1:]))
    step = explanation.step_at(middle) if number is None else explanation.steps[number]
    parts = []
    for size, read, line in zip(image.shape[-2:], step.slices[1:], step.lines, strict=True):
        side = max(CROP, max(line.positions) - min(line.positions) + 1 + CROP // 2)
        start = max(0, min(size - side, (read.start + read.stop - side) // 2))
        parts.append(slice(start, min(size, start + side)))
    rows, columns = parts
    note(
        f"the picture has {image.shape[-2]} x {image.shape[-1]} pixels; shown are rows {rows.start}-"
        f"{rows.stop - 1} and columns {columns.start}-{columns.stop - 1}, as a picture of its own; "
        "choose others with --at ROW,COL"
    )
    return image[..., rows, columns]


def write_form(form: str, explanation: "Explanation", number: int | None, path: str, force: bool) -> None:
    """Write the explanation in one form to a file or to standard output."""
    if form == "gif":
        made = explanation.to_gif()
        if made.note:
            note(made.note)
        data = bytes(made)
    elif form == "svg":
        data = explanation.to_svg(number).encode()
    else:
        data = (explanation.to_html() if form == "html" else explanation.to_json()).encode()
    if path == PIPE:
        sys.stdout.buffer.write(data)
        return
    from convolve.files.atomic import write_bytes  # here, so that --help loads no image library

    write_bytes(Path(path), data, force=force)
