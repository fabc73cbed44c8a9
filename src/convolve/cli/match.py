"""`convolve match`: the places of a picture that look like a template."""

from typing import TYPE_CHECKING

import click

from convolve.cli import found
from convolve.cli.output import note, shown_path
from convolve.errors import ArgumentError

if TYPE_CHECKING:
    from convolve.dtypes import Array
    from convolve.files import Picture


@click.command(short_help="Find what looks like a template.")
@click.argument("image", metavar="IMAGE")
@click.argument("template", metavar="TEMPLATE")
@click.option("-o", "--output", metavar="FILE", help="A picture with boxes, or .csv or .json.")
@click.option("-t", "--threshold", type=click.FloatRange(-1, 1), default=0.8, show_default=True,
              help="How alike a place must be; 1 is the same but for brightness and contrast.")  # fmt: skip
@click.option("--scales", type=found.several, default="1", show_default=True, metavar="SIZES",
              help="Sizes of the template that are tried, such as 0.5,1,2.")  # fmt: skip
@click.option("--overlap", type=click.FloatRange(0, 1), default=0.3, show_default=True,
              help="Part of the smaller of two that may lie in the other.")  # fmt: skip
@click.option("-n", "--most", type=click.IntRange(1), metavar="N", help="The N best alone.")
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
def command(
    image: str,
    template: str,
    output: str | None,
    threshold: float,
    scales: tuple[float, ...],
    overlap: float,
    most: int | None,
    force: bool,
) -> int:
    """Find the places of a picture that look like a template, by normalised cross-correlation.

    TEMPLATE is a picture of one such thing, cut out tightly; where it is transparent nothing is compared.
    Colours are compared if both have them, brightness else. Without -o, places and scores are printed as CSV,
    the best first: the first row and column of each, and how many it takes.

    \b
    Examples:
      convolve match coins.png one-coin.png --threshold 0.7 -o found.png
      convolve match page.png letter.png -o letters.csv
      convolve match photo.jpg logo.png --scales 0.5,0.75,1,1.5 -n 1
    """  # noqa: D301  # \b tells click to keep these lines
    found.check_output(output, force, image, template)
    from convolve import features  # here, so that --help loads no NumPy

    whole, part = found.read(image), found.read(template)
    arrays, axis = comparable(whole, part)
    matches = features.find_template(
        *arrays, threshold=threshold, overlap=overlap, scales=scales, max_matches=most,
        mask=opacity(part), channel_axis=axis,
    )  # fmt: skip
    letters = [letter for letter in whole.axes.lower() if letter != "c"]
    columns = [*letters, *(f"size_{letter}" for letter in letters), "score"]
    rows = [
        [*map(int, corner), *map(int, size), float(score)]
        for corner, size, score in zip(matches.corners, matches.sizes, matches.scores, strict=True)
    ]
    about = {"image": shown_path(image), "template": shown_path(template), "axes": "".join(letters).upper()}
    found.deliver(found.Table(columns, rows, about), output, lambda: matches.overlay(seen(whole)), force)
    note(f"{len(matches)} found" + ("" if len(matches) else "; try a lower --threshold, or other --scales"))
    return 0


def comparable(whole: "Picture", part: "Picture") -> "tuple[tuple[Array, Array], int | None]":
    """Return image and template, both in colours or both grey, and the axis of the channels."""
    (image, axes), (template, of_template) = found.coloured(whole), found.coloured(part)
    if axes.replace("C", "") != of_template.replace("C", ""):
        raise ArgumentError(
            "image and template must both be pictures, or both volumes; their axes are "
            f"{', '.join(whole.axes)} and {', '.join(part.axes)}"
        )
    if axes == of_template:
        return (image, template), -1 if "C" in axes else None
    note("one of the two has no colours: brightness is compared")
    image, template = (
        found.one_channel(one, "grey", choosing=False) if letters.endswith("C") else one
        for one, letters in ((image, axes), (template, of_template))
    )
    return (image, template), None


def opacity(template: "Picture") -> "Array | None":
    """Return how much each cell of a transparent template counts."""
    if not template.alpha:
        return None
    import numpy as np  # here, so that --help loads no NumPy

    alpha = np.moveaxis(template.array, template.axes.index("C"), -1)[..., -1]
    return None if (alpha == alpha.max()).all() else alpha


def seen(picture: "Picture") -> "Array":
    """Return what boxes are drawn on."""
    import numpy as np  # here, so that --help loads no NumPy

    array, axes = found.coloured(picture)
    if axes == "YXC" and (array.dtype != np.uint8 or array.shape[-1] != 3):
        return found.one_channel(array, "grey" if array.shape[-1] == 3 else "0")
    return found.one_channel(array, "0") if axes == "ZYXC" else array
