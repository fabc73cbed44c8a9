"""One step as a standalone SVG drawing with a title and a description for screen readers."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from convolve.explain import palette
from convolve.explain.palette import css
from convolve.explain.scene import Box, Scene, Word, check_drawable, scene, sizes_for

if TYPE_CHECKING:
    from convolve.explain.explanation import Explanation

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


def to_svg(explanation: "Explanation", step: int | Sequence[int] | None) -> str:
    """Return the drawing of one step."""
    check_drawable(explanation, "a drawing")
    one = explanation.steps[explanation.step_number(step)]
    return draw(scene(explanation, one, sizes_for(explanation, [one])))


def draw(drawing: Scene) -> str:
    """Return a scene as SVG."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawing.width} {drawing.height}" '
        f'width="{drawing.width}" height="{drawing.height}" role="img" aria-labelledby="title description" '
        f'font-family="{FONT}">',
        f'<title id="title">{escape(drawing.title)}</title>',
        f'<desc id="description">{escape(drawing.description)}</desc>',
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><path d="M0 0V6" stroke="{css(palette.HATCH)}"/></pattern></defs>',
        f'<rect width="100%" height="100%" fill="{css(palette.PAPER)}"/>',
    ]
    for shape in drawing.shapes:
        lines += box(shape) if isinstance(shape, Box) else [word(shape)]
    return "\n".join([*lines, "</svg>"]) + "\n"


def box(shape: Box) -> list[str]:
    """Return a rectangle, and over it its hatching."""
    place = f'x="{shape.left:g}" y="{shape.top:g}" width="{shape.width:g}" height="{shape.height:g}"'
    outline = f'stroke="{css(shape.outline)}" stroke-width="{shape.line:g}"'
    fill = "none" if shape.fill is None else css(shape.fill)
    lines = [f'<rect {place} fill="{fill}" {outline}/>']
    return [*lines, f'<rect {place} fill="url(#hatch)"/>'] if shape.hatched else lines


def word(shape: Word) -> str:
    """Return a piece of text."""
    weight = ' font-weight="600"' if shape.bold else ""
    return (
        f'<text x="{shape.left:g}" y="{shape.middle:g}" dy="0.35em" text-anchor="{shape.align}" '
        f'font-size="{shape.size}" fill="{css(shape.colour)}"{weight}>{escape(shape.text)}</text>'
    )
