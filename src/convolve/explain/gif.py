"""All steps as an animated GIF: one frame each, the same bytes for the same explanation."""

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw, ImageFont

from convolve.errors import ArgumentError
from convolve.explain import palette
from convolve.explain.json import check_size
from convolve.explain.palette import Colour, mix
from convolve.explain.scene import Box, Scene, Word, check_drawable, scene, sizes_for
from convolve.explain.text import plain_signs

if TYPE_CHECKING:
    from convolve.explain.explanation import Explanation

LARGEST_FRAMES = 200
LONGEST_PAUSE = 60.0
ANCHORS = {"start": "lm", "middle": "mm", "end": "rm"}


class Animation(bytes):
    """The bytes of a GIF, how many frames it has, and what was left out ("" if nothing)."""

    frames: int
    note: str

    def __new__(cls, data: bytes, frames: int, note: str) -> "Animation":
        """Return the bytes with their frame count and note."""
        made = super().__new__(cls, data)
        made.frames, made.note = frames, note
        return made


def to_gif(explanation: "Explanation", seconds: float) -> Animation:
    """Return one frame per step, or an even sample of a long explanation's steps."""
    check_drawable(explanation, "an animation")
    check_size(explanation, "an animation")
    if not 0.02 <= seconds <= LONGEST_PAUSE:
        raise ArgumentError(f"seconds must be between 0.02 and {LONGEST_PAUSE:g} per step, got {seconds!r}")
    total = len(explanation.steps)
    chosen = sample(total)
    note = "" if len(chosen) == total else f"{len(chosen)} of {total} steps shown, evenly chosen"
    steps = [explanation.steps[number] for number in chosen]
    sizes = sizes_for(explanation, steps)
    scenes = [scene(explanation, step, sizes, note) for step in steps]
    size = max(one.width for one in scenes), max(one.height for one in scenes)
    colours = _palette_image()
    frames = [
        paint(one, size).quantize(palette=colours, dither=Image.Dither.NONE, method=Image.Quantize.MEDIANCUT)
        for one in scenes
    ]
    return Animation(_encode(frames, round(seconds * 1000)), len(frames), note)


def sample(total: int) -> list[int]:
    """Return which steps are shown: all, or evenly chosen ones with the first and the last.

    >>> sample(3), len(sample(1000)), sample(1000)[:3], sample(1000)[-1]
    ([0, 1, 2], 200, [0, 5, 10], 999)
    """
    if total <= LARGEST_FRAMES:
        return list(range(total))
    return [number * (total - 1) // (LARGEST_FRAMES - 1) for number in range(LARGEST_FRAMES)]


def _encode(frames: Sequence[Image.Image], pause: int) -> bytes:
    buffer = io.BytesIO()
    frames[0].save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=list(frames[1:]),
        duration=pause,
        loop=0,
        disposal=1,
        optimize=False,
    )
    return buffer.getvalue()


def paint(drawing: Scene, size: tuple[int, int]) -> Image.Image:
    """Return a scene as an RGB picture."""
    picture = Image.new("RGB", size, palette.PAPER)
    draw = ImageDraw.Draw(picture)
    for shape in drawing.shapes:
        if isinstance(shape, Box):
            _box(draw, shape)
        else:
            _word(draw, shape)
    return picture


def _box(draw: ImageDraw.ImageDraw, shape: Box) -> None:
    left, top = round(shape.left), round(shape.top)
    right, bottom = round(shape.left + shape.width), round(shape.top + shape.height)
    if shape.fill is not None:
        draw.rectangle((left, top, right, bottom), fill=shape.fill)
    if shape.hatched:
        _hatch(draw, left, top, right, bottom)
    grow = round(shape.line) // 2
    edges = (left - grow, top - grow, right + grow, bottom + grow)
    draw.rectangle(edges, outline=shape.outline, width=max(1, round(shape.line)))


def _hatch(draw: ImageDraw.ImageDraw, left: int, top: int, right: int, bottom: int) -> None:
    """Draw slanted lines, clipped to the box."""
    wide, high = right - left, bottom - top
    for shift in range(8, wide + high, 8):
        start = (left + min(shift, wide), top + max(0, shift - wide))
        stop = (left + max(0, shift - high), top + min(shift, high))
        draw.line((start, stop), fill=palette.HATCH)


def _word(draw: ImageDraw.ImageDraw, shape: Word) -> None:
    place, words = (shape.left, shape.middle), plain_signs(shape.text)
    weight = 0.35 if shape.bold else 0
    draw.text(
        place,
        words,
        fill=shape.colour,
        font=_font(shape.size),
        anchor=ANCHORS[shape.align],
        stroke_width=weight,
    )


@lru_cache(maxsize=16)
def _font(size: int) -> Any:
    """Return the font that comes with Pillow, so that every machine draws the same."""
    return ImageFont.load_default(size)


def _palette_image() -> Image.Image:
    """Return the fixed palette: the tints, and each ink fading into each ground."""
    steps = [number / 11 for number in range(12)]
    colours: list[Colour] = [mix(palette.INK, palette.PAPER, share) for share in steps]
    colours += [mix(palette.QUIET, palette.BORDER, share) for share in steps]
    colours += [palette.PAPER, palette.RULE, palette.HATCH]
    for number in range(-16, 17):
        ground = palette.tint(number, 16)
        colours += [mix(palette.INK, ground, share) for share in (0.25, 0.5, 0.75, 0.9, 1.0)]
    flat = [part for colour in dict.fromkeys(colours) for part in colour][: 256 * 3]
    picture = Image.new("P", (1, 1))
    picture.putpalette(flat + list(palette.PAPER) * (256 - len(flat) // 3))
    return picture
