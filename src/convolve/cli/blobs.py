"""`convolve blobs`: round things of a picture or volume, drawn on it or as a table."""

import math

import click

from convolve.cli import found
from convolve.cli.output import note, shown_path


def span(text: str) -> tuple[float, float]:
    """Return the smallest and the largest radius.

    >>> span("3:20"), span("8")
    ((3.0, 20.0), (8.0, 8.0))
    """
    try:
        numbers = [float(one) for one in text.split(":")]
    except ValueError:
        numbers = []
    right = len(numbers) in (1, 2) and all(0 < one < math.inf for one in numbers)
    if not (right and numbers == sorted(numbers)):
        raise click.BadParameter(f"{text!r} must be a radius, or the smallest and the largest such as 3:20")
    return numbers[0], numbers[-1]


@click.command(short_help="Find round things: cells, coins, stars.")
@click.argument("image", metavar="IMAGE")
@click.option("-o", "--output", metavar="FILE", help="A picture with circles, or .csv or .json.")
@click.option("-r", "--radius", type=span, default="2:30", show_default=True, metavar="MIN:MAX",
              help="Of what is looked for: in cells, or in the file's unit.")  # fmt: skip
@click.option("-t", "--threshold", type=float, metavar="NUMBER",
              help="Least contrast, in the picture's numbers; a tenth of its range if none.")  # fmt: skip
@click.option("--overlap", type=float, default=0.5, show_default=True,
              help="Part of the smaller of two that may lie in the other.")  # fmt: skip
@found.dark
@found.channel
@click.option("--inside", is_flag=True, help="Leave out what reaches beyond the picture.")
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
def command(
    image: str,
    output: str | None,
    radius: tuple[float, float],
    threshold: float | None,
    overlap: float,
    dark: bool,
    channel: str,
    inside: bool,
    force: bool,
) -> int:
    """Find round things of a picture or volume, by the Laplacian of a Gaussian at many scales.

    Without -o, places, radii and contrasts are printed as CSV, the strongest first. Places are in cells from
    the middle of the first one. Volumes are drawn as seen through along their planes.

    \b
    Examples:
      convolve blobs coins.png --radius 14:28 --threshold 20 -o found.png
      convolve blobs nuclei.tif --radius 2:6 --dark -o nuclei.csv
      convolve blobs sky.jpg --radius 1:8 | head
    """  # noqa: D301  # \b tells click to keep these lines
    found.check_output(output, force, image)
    from convolve import features  # here, so that --help loads no NumPy

    plane = found.plane(found.read(image), channel)
    root = math.sqrt(plane.array.ndim)
    blobs = features.blobs(
        plane.array, radius[0] / root, radius[1] / root, threshold=threshold, overlap=overlap,
        polarity="dark" if dark else "bright", spacing=plane.spacing, exclude_border=inside,
    )  # fmt: skip
    rows = [
        [*map(float, centre), float(size), float(strength)]
        for centre, size, strength in zip(blobs.centres, blobs.radii, blobs.strengths, strict=True)
    ]
    about = {"image": shown_path(image), "axes": plane.axes, "spacing": plane.spacing, "unit": plane.unit}
    table = found.Table([*plane.axes.lower(), "radius", "contrast"], rows, about)
    found.deliver(table, output, lambda: blobs.overlay(plane.seen, plane.spacing), force)
    advice = "" if len(blobs) else "; try a lower --threshold, another --radius or --dark"
    note(f"{len(blobs)} found{advice}")
    return 0
