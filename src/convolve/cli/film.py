"""`convolve apply` where a film comes in or goes out: named here, filtered in `convolve.video`."""

import functools
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convolve.cli.output import note, percent, shown_path

if TYPE_CHECKING:
    from convolve.filters import Filter
    from convolve.video import FilmReport

FILM_ENDINGS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
"""As in `convolve.video.containers`, which is not loaded for pictures; a test compares them."""

DEFAULT_RATE = "25"
"""Frames per second of numbered pictures: that of films in most of the world, and the `image2` of FFmpeg."""

DEVICE = "device:"
NUMBER = re.compile(r"%(0\d+)?d")
"""Where the number stands in the name of numbered pictures, as in C."""


def is_film_job(sources: Sequence[str], destination: str, in_time: bool) -> bool:
    """Tell whether frames come or go one after the other: films, cameras, numbered pictures in time."""
    films = any(one.startswith(DEVICE) or _ends_like_film(one) or _is_numbered(one) for one in sources)
    through_time = in_time and len(sources) == 1 and Path(sources[0]).is_dir()
    return films or through_time or _ends_like_film(destination)


def has_rate(source: str) -> bool:
    """Tell whether a source says itself how fast its frames come: a film or a camera, but no pictures."""
    return source.startswith(DEVICE) or _ends_like_film(source)


def is_one(source: str) -> bool:
    """Tell whether a name that may look like several files stands for one film: numbered pictures."""
    return _is_numbered(source) or Path(source).is_dir()


def _is_numbered(name: str) -> bool:
    return NUMBER.search(name) is not None and not Path(name).exists()


def _ends_like_film(name: str) -> bool:
    return name.lower().endswith(FILM_ENDINGS)


def filter_one(
    kernel: "Filter", options: dict[str, Any], source: str, destination: str, film: dict[str, Any]
) -> int:
    """Filter one film, and say how fast and what became of it; ``film`` holds the options of films alone."""
    from convolve.video import filter_film  # loads NumPy, which --help must not wait for

    if options["dtype"] is not None:
        raise click.UsageError("--dtype is for pictures; a film keeps its own, and its codec's")
    if options.get("through") == "Z":
        raise click.UsageError("--along z is for stacks of planes; a film has time: --along t")
    goal = _in_folder(source, destination)
    named = {name: value for name, value in options.items() if name not in ("dtype", "through")}
    with progress() as shown:
        report = filter_film(source, goal, kernel, **named, **film, progress=shown)
    for one in (*report.notes, *clipped(report, options["range"])):
        note(f"{shown_path(source)}: {one}")
    note(summary(report, goal))
    return 0


def clipped(report: "FilmReport", value_range: str) -> Iterator[str]:
    """Return what is to be said about values of the first frame that did not fit."""
    seen = report.clipped
    signs = "--range abs or offset keeps signs" if value_range == "clip" else "divide the filter's weights"
    for count, what, advice in (
        (seen.below, f"below {seen.low}", signs),
        (seen.above, f"above {seen.high}", "divide the filter's weights"),
    ):
        if count:
            share = percent(count, seen.values)
            yield f"in the first frame {share} of values were {what} and clipped; {advice}"


def _in_folder(source: str, destination: str) -> str:
    """Return the file to write: the source's name where a folder is given."""
    path = Path(destination)
    if not (path.is_dir() or destination.endswith(("/", os.sep))):
        return destination
    if not _ends_like_film(source):
        raise click.UsageError("-o must be a file, such as film.mp4, or a pattern, such as frames/%06d.png")
    path.mkdir(parents=True, exist_ok=True)
    return str(path / Path(source).name)


def summary(report: "FilmReport", destination: str) -> str:
    """Return the last line: what was written, and how fast."""
    speed = report.frames / report.elapsed
    return (
        f"{shown_path(destination)}: {report.frames} frames, {report.seconds:.1f} s of film, in "
        f"{report.elapsed:.1f} s: {speed:.0f} frames/s"
    )


@contextmanager
def progress() -> Iterator[Callable[[int, int | None], None] | None]:
    """Show a bar with frames per second on a terminal, and give what moves it on."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # slow to load, and needed on a terminal only
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("filtering"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("filtering", total=None, speed="")
        yield functools.partial(_move, bar, task)


def _move(bar: Any, task: Any, done: int, total: int | None) -> None:
    elapsed = bar.tasks[task].elapsed or 0
    speed = f"{done / elapsed:.0f} frames/s" if elapsed else ""
    bar.update(task, completed=done, total=None if total is None else max(done, total), speed=speed)


def film_options(fps: str | None, seconds: float | None, codec: str | None, force: bool) -> dict[str, Any]:
    """Return the options that only films have."""
    try:
        rate = Fraction(DEFAULT_RATE if fps is None else fps)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 100_000:  # faster than any camera, and what time bases can hold
        raise click.UsageError(f"--fps must be a number above 0, such as 25 or 30000/1001, got {fps!r}")
    return {"rate": rate, "seconds": seconds, "codec": codec, "force": force}
