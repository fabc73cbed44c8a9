"""`convolve apply`: one filter on one picture, on a pipe, or on a whole folder."""

import functools
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convolve.cli import film, regions, types
from convolve.cli.clipping import clipped
from convolve.cli.output import fail, note, shown_path
from convolve.cli.types import Numbers
from convolve.errors import ConvolveError

if TYPE_CHECKING:
    from convolve.files import Picture
    from convolve.filters import Filter, Measured

PIPE = "-"
PART_FAILED = 3


@dataclass(frozen=True, slots=True)
class Job:
    """What is done to every picture of one call."""

    kernel: "Filter | Measured"
    options: dict[str, Any]
    format: str | None
    force: bool


@click.command(short_help="Filter pictures, films, volumes and arrays (.zarr, .h5, .npy).")
@click.argument("sources", metavar="SRC…", nargs=-1, required=True)
@click.option(
    "-k", "--kernel", required=True, shell_complete=types.complete_filter,
    help="A name (sobel, gaussian:1.5), rows of numbers ('1 0 -1; 1 0 -1; 1 0 -1'), or a .npy or .csv file.",
)  # fmt: skip
@click.option(
    "-o", "--output", "destination", required=True, metavar="DST", help="File, folder, or - for a pipe."
)
@click.option(
    "-s", "--stride", type=types.numbers, default="1", show_default=True, help="Keep every Nth result."
)
@click.option("-p", "--padding", type=types.padding, default="same", show_default=True,
              help="same, same_lower, valid, full, or cells per side.")  # fmt: skip
@click.option("-m", "--mode", type=types.mode, default="reflect", show_default=True,
              help="The border: zeros, reflect, symmetric, replicate, circular, or a number.")  # fmt: skip
@click.option("--flip", is_flag=True, help="Turn the filter by 180 degrees: the mathematician's convolution.")
@click.option("--dtype", help="Of the result, such as uint16 or float32; the picture's own without it.")
@click.option("--range", "value_range", type=click.Choice(["clip", "abs", "offset", "scale"]), default="clip",
              show_default=True, help="What becomes of values that the dtype does not have.")  # fmt: skip
@click.option("--dims", type=click.IntRange(1, 3), default=2, show_default=True,
              help="Dimensions of a named filter; 3 slides through a stack or a film.")  # fmt: skip
@click.option("--spacing", metavar="1.5,0.7,0.7mm",
              help="Size of a cell, for gaussian:2mm; the picture's own without it.")  # fmt: skip
@click.option("--along", type=click.Choice(["x", "y", "z", "t"]),
              help="Slide a filter of one dimension along this axis; t: or a stack without T.")  # fmt: skip
@click.option("--fps", show_default="25", help="Of numbered pictures that become a film.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="So much of a film, or of a camera.")
@click.option("--codec", type=click.Choice(["h264", "vp9", "mpeg4", "ffv1"]),
              help="Of a film; by DST's ending without it. ffv1 loses nothing.")  # fmt: skip
@click.option(
    "--format", "file_format", help="Format of the result, such as png; by DST's ending without it."
)
@regions.regional
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def command(
    sources: tuple[str, ...],
    kernel: str,
    destination: str,
    stride: Numbers,
    padding: Any,
    mode: Any,
    flip: bool,
    dtype: str | None,
    value_range: str,
    dims: int,
    spacing: str | None,
    along: str | None,
    fps: str | None,
    seconds: float | None,
    codec: str | None,
    file_format: str | None,
    force: bool,
    **regional: Any,
) -> int:
    """Filter pictures, films and arrays in files: one, a pipe, or a whole folder.

    SRC is a picture, "-" for a pipe, a folder or a pattern such as 'photos/*.png'; with several
    pictures DST is a folder. Every channel and every plane of a stack is filtered by itself.
    A film (.mp4, .mkv, .webm, .mov, .avi), device:0 (a camera) or numbered pictures (a folder, or
    'frames/%04d.png') are filtered frame by frame, with --along t or --dims 3 through time as well.
    A .zarr or .h5 (scan.h5:/raw), and with --memory a .npy or .tif, is filtered region by region.

    \b
    Results outside the range of the dtype, such as the negative side of an edge:
      --range clip    become the nearest value there is; it is said how many
      --range abs     lose their sign first
      --range offset  get the middle of the range added: 128 stands for 0
      --range scale   the smallest becomes black and the largest white

    \b
    Examples:
      convolve apply photo.jpg -k sobel -o edges.png
      convolve apply photos/ -k gaussian:2 -o blurred/
      convolve apply brain.nii.gz -k gaussian:fwhm=6mm --dims 3 -o smooth.nii.gz
      convolve apply clip.mp4 -k '1 0 -1' --along t --range abs -o motion.mp4
      convolve apply big.zarr -k gaussian:3 --dims 3 -o smooth.zarr --memory 2GB
      cat photo.png | convolve apply - -k sobel-x --range abs -o - --format png > edges.png
    """  # noqa: D301  # \b tells click to keep these lines
    found = chosen(kernel, dims if along is None else 1, spacing)
    through = {}
    if along is not None:
        from convolve.pictures import THROUGH, along_axis  # loads NumPy, which --help must not wait for

        found, stride, padding = along_axis(fixed(found), along, stride, padding)
        through["through"] = THROUGH[along]
    options = {"stride": stride, "padding": padding, "padding_mode": mode, "flip": flip, "dtype": dtype}
    job = Job(found, {**options, **through, "range": value_range}, file_format, force)
    if regions.asked_for(sources, destination, regional):
        if file_format is not None or seconds is not None or codec is not None:
            raise click.UsageError(
                "--format is for pictures, --seconds and --codec for films; an array has DST's ending alone"
            )
        return regions.filter_regions(sources, destination, job.kernel, job.options, force, **regional)
    if len(sources) == 1 and is_slices(sources[0]):
        return filter_file(job, Path(sources[0]), destination)
    if film.is_film_job(sources, destination, in_time=found.ndim == 3):
        if fps is not None and any(map(film.has_rate, sources)):
            raise click.UsageError("--fps is for numbered pictures; a film or a camera says it itself")
        return filter_films(job, sources, destination, film.film_options(fps, seconds, codec, force))
    if fps is not None or seconds is not None or codec is not None:
        raise click.UsageError("--fps, --seconds and --codec are for films, and neither SRC nor DST is one")
    if PIPE in sources:
        if len(sources) > 1:
            raise click.UsageError("- stands for one picture from a pipe and goes with no other SRC")
        return filter_pipe(job, destination)
    if len(sources) == 1 and not is_batch(sources[0]):
        return filter_file(job, Path(sources[0]), destination)
    return filter_batch(job, sources, destination)


def chosen(kernel: str, ndim: int, spacing: str | None) -> "Filter | Measured":
    """Return a filter, or one that a picture's spacing will make; names are refused now."""
    from convolve import filters  # here and below: --help must answer before NumPy is loaded

    if not filters.needs_spacing(kernel):
        found = filters.get(kernel, ndim)
        if spacing is not None:
            raise click.UsageError(
                "--spacing is the size of a cell for a filter with a unit, such as gaussian:2mm, and "
                f"{kernel!r} has none; give it one, or leave --spacing out"
            )
        return found
    return filters.Measured(kernel, ndim, *(() if spacing is None else filters.spacing_of(spacing)))


def fixed(kernel: "Filter | Measured") -> "Filter":
    """Return a filter for what has no cells of a known size, such as a film."""
    from convolve import filters  # loads NumPy, which --help must not wait for

    return kernel.at(None, None) if isinstance(kernel, filters.Measured) else kernel


def filter_films(job: Job, sources: Sequence[str], destination: str, options: dict[str, Any]) -> int:
    """Filter one film; refuse several."""
    if job.format is not None:
        raise click.UsageError("--format is for pictures; a film has its ending, and --codec")
    if len(sources) == 1 and (film.is_one(sources[0]) or not is_batch(sources[0])):
        return film.filter_one(fixed(job.kernel), job.options, sources[0], destination, options)
    raise click.UsageError(
        "one film is filtered at a time; for several write: for one in *.mp4; do convolve apply $one …; done"
    )


def is_batch(source: str) -> bool:
    """Tell whether one SRC may stand for several pictures: a folder, or a pattern and no file."""
    path = Path(source)
    return path.is_dir() or (not path.exists() and any(one in source for one in "*?["))


def is_slices(source: str) -> bool:
    """Tell whether a folder holds DICOM slices, which make one volume."""
    if not Path(source).is_dir():
        return False
    from convolve.files import is_series  # loads NumPy, which --help must not wait for

    return is_series(Path(source))


def filter_pipe(job: Job, destination: str) -> int:
    """Filter the picture that comes through standard input."""
    if Path(destination).is_dir():
        raise click.UsageError("a picture from a pipe has no name; give a file as -o, or - for a pipe")
    from convolve import files  # loads NumPy, which --help must not wait for

    check_destination(job, destination)
    picture = files.read(sys.stdin.buffer)
    deliver(job, picture, "standard input", destination)
    return 0


def filter_file(job: Job, source: Path, destination: str) -> int:
    """Filter one file."""
    from convolve import files  # loads NumPy, which --help must not wait for

    if destination != PIPE and (Path(destination).is_dir() or destination.endswith(("/", os.sep))):
        Path(destination).mkdir(parents=True, exist_ok=True)
        destination = str(Path(destination) / result_name(source, job.format))
    check_destination(job, destination)
    deliver(job, files.read(source), shown_path(source), destination)
    return 0


def deliver(job: Job, picture: "Picture", name: str, destination: str) -> None:
    """Filter a picture, write it, and say what was converted and clipped on the way."""
    from convolve import files  # loads NumPy, which --help must not wait for
    from convolve.pictures import filter_picture

    for one in picture.notes:
        note(named(one, name))
    done = filter_picture(picture, job.kernel, **job.options)
    for one in clipped(done.report, job.options["range"]):
        note(named(one, name))
    goal = sys.stdout.buffer if destination == PIPE else destination
    files.write(goal, done.picture, format=job.format, force=job.force)


def check_destination(job: Job, destination: str) -> None:
    """Refuse, before any work is done, a place where the result cannot go."""
    from convolve.files import atomic, formats  # here, so that --help loads no NumPy

    if destination != PIPE:
        path = Path(destination)
        chosen = formats.of_suffix(path) if job.format is None else formats.named(job.format)
        formats.refuse_unwritable(chosen)
        if path.is_file():
            atomic.refuse_existing(path, force=job.force)
        return
    if job.format is None:
        raise click.UsageError("a picture into a pipe has no ending that tells its format; add --format png")
    formats.refuse_unwritable(formats.named(job.format))
    if sys.stdout.isatty():
        raise click.UsageError(
            "a picture is not text; send it into a file or a pipe: -o - --format png > FILE"
        )


def named(text: str, name: str) -> str:
    """Return what is said about a picture, with its name unless that is in it already."""
    return text if name in text else f"{name}: {text}"


def result_name(source: Path, file_format: str | None) -> str:
    """Return the name of a result in a folder: the source's, with the ending of the format asked for."""
    if file_format is None:
        return source.name
    from convolve.files import formats  # here, so that --help loads no NumPy

    own = formats.suffix_of(source)
    return source.name[: len(source.name) - len(own)] + formats.ending(file_format)


def filter_batch(job: Job, sources: Sequence[str], destination: str) -> int:
    """Filter many files into a folder; one that fails does not stop the others."""
    from convolve import files  # loads NumPy, which --help must not wait for

    folder = Path(destination)
    if destination == PIPE or (folder.exists() and not folder.is_dir()):
        raise click.UsageError(f"several pictures need a folder to go to, and {destination!r} is not one")
    pictures = files.expand(list(sources))
    check_names(pictures, job.format)
    folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    with progress(len(pictures)) as advance:
        for source in pictures:
            failed += not succeeded(functools.partial(filter_file, job, source, destination), source)
            advance()
    note(f"{len(pictures) - failed} of {len(pictures)} pictures filtered into {shown_path(folder)}")
    if failed == len(pictures):
        return 1
    return PART_FAILED if failed else 0


def check_names(pictures: Sequence[Path], file_format: str | None) -> None:
    """Refuse, before anything is written, results that cannot be, and two that would have one name."""
    from convolve.files import formats  # here, so that --help loads no NumPy

    seen: dict[str, Path] = {}
    for source in pictures:
        name = result_name(source, file_format)
        formats.refuse_unwritable(formats.SUFFIXES.get(formats.suffix_of(Path(name)), ""))
        if name in seen:
            raise click.UsageError(
                f"results must have different names, but {shown_path(seen[name])} and {shown_path(source)} "
                f"would both become {name!r}; filter them into two folders"
            )
        seen[name] = source


def succeeded(work: functools.partial[int], source: Path) -> bool:
    """Do the work for one picture of a batch, and say why if it cannot be done."""
    try:
        work()
    except (ConvolveError, OSError, MemoryError) as trouble:
        fail(named(str(trouble), shown_path(source)))
        return False
    return True


@contextmanager
def progress(total: int) -> Iterator[Any]:
    """Show a bar on a terminal; give a function that moves it on."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console  # slow to load, and needed for a batch on a terminal only
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("filtering"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("filtering", total=total)
        yield lambda: bar.advance(task)
