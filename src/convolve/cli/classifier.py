"""What `convolve predict`, `cam` and `score` share: how a network from elsewhere wants its pictures."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from convolve.cli import types
from convolve.cli.output import shown_path

if TYPE_CHECKING:
    from convolve.nn import Classifier

Numbers = tuple[float, ...] | None
Size = tuple[int, ...] | None


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
    return given


def prepared(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options --size, --mean and --std to a command."""
    for name, what in (("--std", "what is left is divided by"), ("--mean", "is taken away from the picture")):
        command = click.option(
            name,
            metavar="R,G,B",
            callback=per_channel,
            help=f"For files that do not say it: {what}, one number or one per channel.",
        )(command)
    return click.option(
        "--size", type=types.size, callback=pair, help="For networks that take any: of the pictures."
    )(command)


def load(model: str, size: Size, mean: Numbers, std: Numbers) -> "Classifier":
    """Return the classifier of a file."""
    from convolve.nn import Classifier  # loads NumPy, which --help must not wait for

    return Classifier.load(model, size=size, mean=mean, std=std)


def shown(name: str) -> str:
    """Return a class's name as it may be printed; a file may hold any."""
    return shown_path(name)
