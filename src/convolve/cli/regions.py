"""`convolve apply` on an array that is larger than memory: region by region, here or on Dask's workers."""

import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click

from convolve.cli.clipping import clipped
from convolve.cli.output import note, shown_path

if TYPE_CHECKING:
    from convolve.filters import Filter, Measured

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
         "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}  # fmt: skip
ARRAYS = (".zarr", ".h5", ".hdf5")
"""Suffixes of what is always read by regions; .npy and .tif are if an option of this file is given."""


def memory(_context: click.Context, _option: click.Parameter, text: str | None) -> int | None:
    """Return bytes from text such as 2GB.

    >>> memory(None, None, "2GB"), memory(None, None, "1.5 GiB")
    (2000000000, 1610612736)
    """
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text.strip())
    if found is None or found[2].upper() not in UNITS:
        raise click.BadParameter(f"{text!r} must be an amount of memory, such as 500MB or 2GB")
    size = int(float(found[1]) * UNITS[found[2].upper()])
    if size == 0:
        raise click.BadParameter(f"{text!r} must be more than nothing, such as 500MB or 2GB")
    return size


def regional(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of this file to a command."""
    added = (
        click.option("--resume", is_flag=True, help="Go on with the regions of an interrupted command."),
        click.option("--scheduler", metavar="ADDRESS", help="Let a Dask scheduler's workers do the regions."),
        click.option("--memory", callback=memory, metavar="2GB",
                     help="Work region by region, in so much memory for each process."),
    )  # fmt: skip
    for option in added:
        command = option(command)
    return command


def asked_for(sources: Sequence[str], destination: str, options: dict[str, Any]) -> bool:
    """Tell whether to work by regions: because of a suffix, or because an option asks for it."""
    return any(options.values()) or any(_is_array(one) for one in (*sources, destination))


def _is_array(path: str) -> bool:
    """Tell whether a path, or the folder or file that it leads into, has a suffix of arrays."""
    whole = PurePath(path.rpartition(":/")[0] or path)
    return whole.suffix.lower() in ARRAYS or any(one.suffix.lower() == ".zarr" for one in whole.parents)


def filter_regions(
    sources: Sequence[str],
    destination: str,
    kernel: "Filter | Measured",
    options: dict[str, Any],
    force: bool,
    memory: int | None,
    scheduler: str | None,
    resume: bool,
) -> int:
    """Filter an array in a file into another file."""
    if len(sources) > 1 or destination == "-" or sources[0] == "-":
        raise click.UsageError("an array is filtered by regions from one file into one; give one SRC and DST")
    from convolve import arrays  # loads NumPy, which --help must not wait for
    from convolve.arrays.filtering import USUAL_MEMORY

    started = time.monotonic()
    with progress() as advance, warnings.catch_warnings():
        warnings.simplefilter("always", RuntimeWarning)  # workers may all go more than once
        warnings.showwarning = lambda message, *_: print(message, file=sys.stderr)  # above the bar, by rich
        report = arrays.filter_stored(
            sources[0],
            destination,
            kernel,
            memory=memory or USUAL_MEMORY,
            resume=resume,
            force=force,
            scheduler=scheduler,
            progress=advance,
            **options,
        )
    for one in clipped(report, options["range"]):
        note(f"{shown_path(sources[0])}: {one}")
    seconds = time.monotonic() - started
    rate = report.values / max(seconds, 1e-9) / 1e6
    note(
        f"{shown_path(destination)}: {report.values:,} values in {seconds:.1f} s, {rate:.1f} million a second"
    )
    return 0


@contextmanager
def progress() -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar on a terminal; give a function that moves it on."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # slow to load, and needed on a terminal only
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("regions"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("regions", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
