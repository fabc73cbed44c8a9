"""`convolve vessels`: lines and tubes of a picture or volume, by Frangi's filter."""

from dataclasses import replace
from pathlib import Path

import click

from convolve.cli import found
from convolve.cli.output import note, shown_path, spare_sources

BYTES = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
"""Formats that hold shades from 0 to 255 and no floats."""


@click.command(short_help="Show vessels: lines and tubes.")
@click.argument("image", metavar="IMAGE")
@click.option("-o", "--output", required=True, metavar="FILE", help="Vesselness: shades, or floats in .tif.")
@click.option("-s", "--sigma", type=found.several, default="1,2,3,4", show_default=True, metavar="SCALES",
              help="About half the vessels' widths: in cells, or in the file's unit.")  # fmt: skip
@found.dark
@found.channel
@click.option("--beta", type=float, default=0.5, show_default=True, help="How round a vessel may be.")
@click.option("--alpha", type=float, default=0.5, show_default=True, help="How flat, in volumes.")
@click.option("--gamma", type=float, metavar="NUMBER",
              help="Curvature that counts; half of the strongest if not given.")  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
def command(
    image: str,
    output: str,
    sigma: tuple[float, ...],
    dark: bool,
    channel: str,
    beta: float,
    alpha: float,
    gamma: float | None,
    force: bool,
) -> int:
    """Show how much each cell of a picture or volume looks like part of a vessel (Frangi's vesselness).

    The result runs from 0 to 1. Formats of shades show 1 as white; a .tif, and other formats of floats, keep
    the numbers, the axes and the spacing.

    \b
    Examples:
      convolve vessels retina.jpg --dark --channel green -o vessels.png
      convolve vessels angiography.tif --sigma 0.5,1,2 -o vessels.tif
    """  # noqa: D301  # \b tells click to keep these lines
    import numpy as np  # here and below: --help must answer before NumPy is loaded

    from convolve import features, files

    name = files.formats.of_suffix(Path(output))
    spare_sources(Path(output), [Path(image)])
    files.atomic.refuse_existing(Path(output), force=force)
    picture = found.read(image)
    plane = found.plane(picture, channel)
    values = features.vesselness(
        plane.array, sigma, alpha=alpha, beta=beta, gamma=gamma, polarity="dark" if dark else "bright",
        spacing=plane.spacing,
    )  # fmt: skip
    holes = int(np.isnan(values).sum())
    if holes:
        note(
            f"{holes} cells lie near NaN or infinity"
            + (" and are black" if name in BYTES else " and are NaN")
        )
    shades = np.rint(np.nan_to_num(values) * 255).astype(np.uint8) if name in BYTES else values.astype("f4")
    known = plane.unit != "cells"
    kept = {key: value for key, value in picture.metadata.items() if key not in ("icc", "durations", "loop")}
    result = replace(
        picture, array=shades, axes=plane.axes, alpha=False, spacing=plane.spacing if known else None,
        unit=plane.unit if known else None, notes=(), metadata=kept,
    )  # fmt: skip
    files.write(output, result, force=force)
    note(f"{shown_path(output)}: strongest {np.nanmax(values, initial=0):.2f} of 1")
    return 0
