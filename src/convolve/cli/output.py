"""What commands say: data goes to standard output, everything else, as these lines, to standard error."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import click


def note(text: str) -> None:
    """Say something that is not data."""
    click.echo(text, err=True, color=_colour())


def fail(text: str) -> None:
    """Say why something was refused or failed."""
    try:
        click.echo(f"{click.style('error:', fg='red', bold=True)} {text}", err=True, color=_colour())
    except OSError:
        silence()  # nobody reads standard error any more


def _colour() -> bool | None:
    """Return False where colours are not wanted (https://no-color.org); None lets the terminal decide."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None


def silence() -> None:
    """Send what is still buffered to nowhere, so that Python does not complain of a closed pipe."""
    for stream in (sys.stdout, sys.stderr):
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
        except (OSError, ValueError):
            continue  # a stream without a file has nothing to complain about


def shown_path(path: object) -> str:
    """Return a path as it may be printed: control characters in a file's name must not reach the terminal."""
    return "".join(one if one.isprintable() else "?" for one in str(path))


def spare_sources(target: Path, sources: Iterable[Path]) -> None:
    """Refuse, even with --force, to write what is drawn on a picture over that picture."""
    for source in sources:
        if target.exists() and source.exists() and target.samefile(source):
            raise click.UsageError(
                f"the picture {shown_path(source)} is never overwritten; give another file as -o"
            )


def percent(part: int, whole: int) -> str:
    """Return a share as people say it: whole percents, below ten with one digit.

    >>> percent(24, 200), percent(1, 200), percent(1, 10**6), percent(199, 200)
    ('12 %', '0.5 %', 'less than 0.1 %', '99 %')
    """
    share = 100 * part / whole
    if share < 0.1:
        return "less than 0.1 %"
    digits = f"{share:.1f}".removesuffix(".0") if share < 10 else str(int(share))
    return f"{digits} %"
