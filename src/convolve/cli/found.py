"""What `convolve blobs`, `match` and `vessels` share: the plane that is looked at, and tables of finds."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convolve.cli.output import note, shown_path, spare_sources
from convolve.errors import ArgumentError, ShapeError

if TYPE_CHECKING:
    from convolve.dtypes import Array
    from convolve.files import Picture

TABLES = (".csv", ".json")
DRAWINGS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
NAMED_CHANNELS = {"red": 0, "green": 1, "blue": 2}

channel = click.option(
    "--channel", default="grey", show_default=True, metavar="NAME",
    help="Of a colour picture: grey (its brightness), red, green, blue, or a number from 0.",
)  # fmt: skip
dark = click.option("--dark", is_flag=True, help="Look for what is darker than its surroundings.")


def several(text: str) -> tuple[float, ...]:
    """Return numbers, such as scales.

    >>> several("1,2.5,4")
    (1.0, 2.5, 4.0)
    """
    try:
        return tuple(float(one) for one in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} must be numbers such as 1,2,4") from None


@dataclass(frozen=True, slots=True)
class Plane:
    """An image or volume without channels, and how large its cells are.

    Attributes
    ----------
    array
        Rows and columns, planes before them in a volume.
    seen
        What finds are drawn on: the same, or the picture's colours.
    axes
        A letter per dimension.
    spacing
        Size of a cell per dimension, all 1 where it is not known.
    unit
        Of the spacing: such as "µm", or "cells".
    """

    array: "Array"
    seen: "Array"
    axes: str
    spacing: tuple[float, ...]
    unit: str


def read(path: str) -> "Picture":
    """Return the picture or volume in a file, and say what was converted."""
    from convolve import files  # loads NumPy, which --help must not wait for

    picture = files.read(path)
    for one in picture.notes:
        note(one if shown_path(path) in one else f"{shown_path(path)}: {one}")
    return single(picture, shown_path(path))


def single(picture: "Picture", name: str) -> "Picture":
    """Return a picture without dimensions of one page or moment; refuse one of several, with what to do."""
    axes, shape = picture.axes, picture.array.shape
    rule = (
        "finds are looked for in one picture (axes Y, X) or one volume (Z, Y, X), but "
        f"{name} has the axes {', '.join(axes)}: {shape}"
    )
    if not {"Y", "X"} <= set(axes):
        raise ShapeError(f"{rule}; give it rows and columns")
    pages = [place for place, letter in enumerate(axes) if letter not in "ZYXC"]
    kept = [place for place, letter in enumerate(axes) if letter in "ZYXC"]
    left = "".join(axes[place] for place in kept)
    if any(shape[place] != 1 for place in pages):
        first = ", ".join("0" if place in pages else ":" for place in range(pages[-1] + 1))
        alpha = ", alpha=True" * picture.alpha
        advice = (
            f"write one of them into a file of its own, in Python: p = files.read({name!r}); "
            f"files.write('one.tif', files.Picture(p.array[{first}], {left!r}{alpha}))"
        )
        if "Z" not in axes and axes.count("I") == len(pages) == 1:
            volume = axes.replace("I", "Z")
            advice += f"; or all, if they are a volume's planes: files.Picture(p.array, {volume!r}{alpha})"
        raise ShapeError(f"{rule}; {advice}")
    return replace(
        picture, array=picture.array.squeeze(tuple(pages)), axes=left,
        spacing=picture.spacing and tuple(picture.spacing[place] for place in kept),
    )  # fmt: skip


def plane(picture: "Picture", name: str) -> Plane:
    """Return what is looked at of a picture: one channel of it, or its brightness."""
    import numpy as np  # here, so that --help loads no NumPy

    array, axes = coloured(picture)
    spatial = axes.replace("C", "")
    if "C" not in axes and name not in ("grey", "0"):
        raise ArgumentError(f"--channel {name} needs channels, and this picture has one; leave it out")
    grey = array if "C" not in axes else one_channel(array, name)
    colours = "C" in axes and spatial == "YX" and array.dtype == np.uint8 and array.shape[-1] == 3
    sizes = [
        size
        for letter, size in zip(picture.axes, picture.spacing or (None,) * len(picture.axes), strict=True)
        if letter in spatial
    ]
    if any(size is None for size in sizes):
        return Plane(grey, array if colours else grey, spatial, (1.0,) * len(sizes), "cells")
    spacing = tuple(float(size) for size in sizes if size is not None)
    unit = picture.unit or "units"
    note(f"sizes are in {unit}; a cell is {' × '.join(f'{size:g}' for size in spacing)} {unit}")
    return Plane(grey, array if colours else grey, spatial, spacing, unit)


def coloured(picture: "Picture") -> "tuple[Array, str]":
    """Return a picture with its channels last, without alpha; a single channel is none."""
    import numpy as np  # here, so that --help loads no NumPy

    place = picture.channel_axis
    if place is None:
        return picture.array, picture.axes
    array = np.moveaxis(picture.array, place, -1)
    axes = picture.axes.replace("C", "") + "C"
    if picture.alpha:
        array = array[..., :-1]
    return (array[..., 0], axes[:-1]) if array.shape[-1] == 1 else (array, axes)


def one_channel(array: "Array", name: str, choosing: bool = True) -> "Array":
    """Return one channel of several, which stand last, by name or number; or brightness.

    ``choosing`` says whether the command has the option ``--channel``.
    """
    import numpy as np  # here, so that --help loads no NumPy

    from convolve.files.picture import LIGHT  # as late

    count = array.shape[-1]
    if name == "grey":
        if count == 3:
            return np.asarray(array @ np.array(LIGHT))
        raise ArgumentError(
            f"brightness needs red, green and blue, but this picture has {count} channels; "
            + (f"choose one with --channel 0 to --channel {count - 1}" if choosing
               else "write the one channel to compare into a file of its own")
        )  # fmt: skip
    number = NAMED_CHANNELS.get(name, int(name) if name.isdecimal() else -1)
    if not 0 <= number < count:
        raise ArgumentError(
            f"--channel must be grey, red, green, blue or a number from 0 to {count - 1}; got {name!r}"
        )
    return array[..., number]


def check_output(output: str | None, force: bool, *sources: str) -> None:
    """Refuse, before any work is done, a place where neither a table nor a picture can go, or a source is."""
    from convolve.files import atomic, formats  # here, so that --help loads no NumPy

    if output is None:
        return
    path = Path(output)
    suffix = path.suffix.lower()
    if suffix not in TABLES and formats.SUFFIXES.get(suffix) not in DRAWINGS:
        raise click.UsageError(f"finds go into a picture such as .png, or into .csv or .json; got {output!r}")
    spare_sources(path, map(Path, sources))
    atomic.refuse_existing(path, force=force)


@dataclass(frozen=True, slots=True)
class Table:
    """Finds as rows of numbers, and what holds for all of them."""

    columns: Sequence[str]
    rows: Sequence[Sequence[float]]
    about: dict[str, Any]

    def as_csv(self) -> str:
        """Return the rows below their heading.

        >>> print(Table(["y", "x"], [[1.23456789, 2]], {}).as_csv())
        y,x
        1.23457,2
        <BLANKLINE>
        """
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([f"{number:.6g}" for number in row] for row in self.rows)
        return stream.getvalue()

    def as_json(self) -> str:
        """Return an object with what holds for all, and one object for each find."""
        found = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return json.dumps({**self.about, "found": found}, indent=1, ensure_ascii=False) + "\n"


def deliver(table: Table, output: str | None, draw: Any, force: bool) -> None:
    """Print the table as CSV, or write it or the drawing that ``draw`` returns into a file."""
    from convolve import files  # loads NumPy, which --help must not wait for

    if output is None:
        click.echo(table.as_csv(), nl=False)
    elif Path(output).suffix.lower() in TABLES:
        text = table.as_csv() if output.lower().endswith(".csv") else table.as_json()
        files.atomic.write_bytes(Path(output), text.encode(), force=force)
    else:
        files.write(output, files.Picture(draw(), "YXC"), force=force)
