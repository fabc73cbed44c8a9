"""One step drawn with matplotlib, for figures and papers (the extra "plot")."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convolve.errors import MissingExtraError
from convolve.explain import palette
from convolve.explain.palette import css
from convolve.explain.scene import Box, Scene, check_drawable, scene, sizes_for

if TYPE_CHECKING:
    from convolve.explain.explanation import Explanation

PIXELS_PER_INCH = 96
POINTS_PER_PIXEL = 72 / PIXELS_PER_INCH
ALIGN = {"start": "left", "middle": "center", "end": "right"}


def plot(explanation: "Explanation", ax: Any, step: int | Sequence[int] | None) -> Any:
    """Draw one step and return the axes; without ``ax``, a figure of the drawing's own size is made."""
    check_drawable(explanation, "a plot")
    one = explanation.steps[explanation.step_number(step)]
    drawing = scene(explanation, one, sizes_for(explanation, [one]))
    axes = _new_axes(drawing) if ax is None else ax
    draw(axes, drawing)
    return axes


def _new_axes(drawing: Scene) -> Any:
    try:
        import matplotlib.pyplot as plt  # slow to start, and needed for plots alone
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", "plot", "plot()") from error
    size = drawing.width / PIXELS_PER_INCH, drawing.height / PIXELS_PER_INCH
    figure = plt.figure(figsize=size, dpi=PIXELS_PER_INCH)
    return figure.add_axes((0, 0, 1, 1))


def draw(axes: Any, drawing: Scene) -> None:
    """Put a scene on matplotlib axes, one unit per pixel, from the top down."""
    from matplotlib.patches import Rectangle  # slow to start, and needed for plots alone

    for level, shape in enumerate(drawing.shapes):
        if isinstance(shape, Box):
            place = (shape.left, shape.top), shape.width, shape.height
            fill = "none" if shape.fill is None else css(shape.fill)
            line = shape.line * POINTS_PER_PIXEL
            if shape.hatched:
                axes.add_patch(
                    Rectangle(
                        *place, facecolor=fill, edgecolor=css(palette.HATCH), hatch="////", lw=0, zorder=level
                    )
                )
                fill = "none"
            edge = css(shape.outline)
            axes.add_patch(Rectangle(*place, facecolor=fill, edgecolor=edge, lw=line, zorder=level))
        else:
            axes.text(
                shape.left,
                shape.middle,
                shape.text,
                fontsize=shape.size * POINTS_PER_PIXEL,
                color=css(shape.colour),
                ha=ALIGN[shape.align],
                va="center_baseline",
                fontweight="bold" if shape.bold else "normal",
                zorder=level,
            )
    axes.set(xlim=(0, drawing.width), ylim=(drawing.height, 0), aspect="equal", title="")
    axes.set_axis_off()
