"""What `convolve predict`, `cam`, `score` and `detect` share: how a foreign network wants its pictures."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convolve.cli import types
from convolve.cli.output import shown_path

if TYPE_CHECKING:
    from convolve.nn import Classifier

Numbers = tuple[float, ...] | None
Size = tuple[int, ...] | None
Command = Callable[..., Any]

LONGEST_NAMES = 1 << 24
"""Characters of a file of names, at most; a million classes have fewer."""


def per_channel(_context: click.Context, option: click.Parameter, text: str | None) -> Numbers:
    """Return one number, or one for each channel, from text such as 0.485,0.456,0.406."""
    if text is None:
        return None
    try:
        found = tuple(float(one) for one in text.split(","))
    except ValueError:
        found = ()
    usable = all(math.isfinite(one) and (option.name != "std" or one > 0) for one in found)
    if len(found) not in (1, 3) or not usable:
        above = " above 0" if option.name == "std" else ""
        raise click.BadParameter(
            f"{text!r} must be one or three finite numbers{above}, such as 0.485,0.456,0.406"
        )
    return found


def pair(_context: click.Context, _option: click.Parameter, given: Size) -> Size:
    """Return height and width."""
    if given is not None and len(given) != 2:
        raise click.BadParameter(f"it must be height and width, such as 64x64, got {len(given)} numbers")
    if given is not None and min(given) < 1:
        raise click.BadParameter(f"height and width must be at least 1, got {given[0]}x{given[1]}")
    return given


def names_in(_context: click.Context, _option: click.Parameter, file: str | None) -> tuple[str, ...] | None:
    """Return the lines of a file."""
    if file is None:
        return None
    try:
        with Path(file).open(encoding="utf-8") as stream:
            lines = stream.read(LONGEST_NAMES).rstrip().splitlines()
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{file!r} cannot be read as text: {error}") from None
    if not all(line.strip() for line in lines) or not lines:
        raise click.BadParameter(f"{file!r} must have a name on every line, in the order of the classes")
    return tuple(line.strip() for line in lines)


NAMES = click.option(
    "--names", "classes", metavar="FILE", callback=names_in,
    help="For files that do not say them: names of the classes, one on each line.",
)  # fmt: skip
STD = click.option("--std", metavar="R,G,B", callback=per_channel, help="What is left is divided by it.")
MEAN = click.option(
    "--mean", metavar="R,G,B", callback=per_channel,
    help="For files that do not say it: taken away from pictures of 0 to 1.",
)  # fmt: skip


def gathered(command: Command, names: Sequence[str], options: Sequence[Command]) -> Command:
    """Add options, of which the first stands last in the help, and hand them on as the argument ``how``."""

    @wraps(command)
    def collected(*args: Any, **given: Any) -> Any:
        how = {name: given.pop(name) for name in names}
        return command(*args, **given, how=how)

    for option in options:
        collected = option(collected)
    return collected


def prepared(command: Command) -> Command:
    """Add the options that tell how a network from elsewhere wants its pictures, as the argument ``how``."""
    crop = click.option(
        "--crop", type=float, metavar="SHARE",
        help="Of the picture's shorter side, for networks trained so, such as 0.875.",
    )  # fmt: skip
    size = click.option(
        "--size", type=types.size, callback=pair, help="Of the pictures, for networks that take any."
    )
    return gathered(command, ("size", "crop", "mean", "std", "classes"), (NAMES, STD, MEAN, crop, size))


def load(model: str, how: Mapping[str, Any]) -> "Classifier":
    """Return the classifier of a file."""
    from convolve.nn import Classifier  # loads NumPy, which --help must not wait for

    return Classifier.load(model, **how)


def shown(name: str) -> str:
    """Return a class's name as it may be printed; a file may hold any."""
    return shown_path(name)
