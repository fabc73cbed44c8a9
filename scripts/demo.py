"""The demo: a portrait and its edges, one pixel explained, a plan with its speed, and what to try next.

Run by ``scripts/demo``. The pictures are drawn with two pixels per character (half blocks) in a terminal,
and as ASCII shades into a pipe or under NO_COLOR. The page goes to ``demo/`` in the current folder, or to
a temporary folder where that cannot be written.
"""

import argparse
import base64
import html
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

import demo_speed  # beside this file
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import convolve
from convolve import filters
from convolve.files import sample

Pixels = NDArray[np.uint8]

PAGE_NAME = "convolve-demo.html"
GAP = 2
"""Columns between the two pictures."""
WIDEST = 64
"""Columns of one picture: two of them fit beside each other on a wide terminal."""
SHADES = " .:-=+*#%@"
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>convolve: a portrait and its edges</title>
<style>
  body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }}
  figure {{ display: inline-block; margin: 0 1rem 1rem 0; }}
  img {{ width: min(32rem, 100%); }}
  pre {{ overflow-x: auto; padding: 1rem; border: 1px solid; }}
  :root {{ color-scheme: light dark; }}
</style>
<h1>A portrait and its edges</h1>
<figure><img alt="A portrait in colour" src="{before}"><figcaption>before</figcaption></figure>
<figure><img alt="Its edges, white on black" src="{after}"><figcaption>after sobel</figcaption></figure>
<h2>Where one of these pixels comes from</h2>
<pre>{explanation}</pre>
<p>The photograph: NASA, public domain.</p>
</html>
"""
NEXT = """\
Try next:
  {command} apply PHOTO.jpg --kernel sobel -o edges.png     the same with a picture of yours
  {command} filters                                         what other filters there are
  {command} explain --help                                  every step of a small convolution"""


def main() -> None:
    """Draw, explain, write the page, and say what to try next."""
    argparse.ArgumentParser(
        prog="scripts/demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    portrait = sample("portrait").array
    edges = to_pixels(convolve.apply(portrait, "sobel", channel_axis=-1))
    ascii_only = not sys.stdout.isatty()
    print("The portrait that comes with convolve, and its edges: convolve.apply(portrait, 'sobel')\n")
    print(draw_beside(portrait, edges))
    print(f"\n{explain_strongest(portrait, ascii_only)}\n")
    page = write_page(portrait, edges, explain_strongest(portrait, ascii_only=False))
    print(f"The same as a page: {page}\n")
    speed = demo_speed.compare(grey_of(portrait).astype(np.float32))
    print((speed.replace("×", "x") if ascii_only else speed) + "\n")
    print(NEXT.format(command=command_name()))


def to_pixels(response: NDArray[np.float64]) -> Pixels:
    """Return the strengths as 8-bit pixels: rounded, and what is above 255 cut."""
    return np.clip(np.rint(response), 0, 255).astype(np.uint8)


def grey_of(portrait: Pixels) -> Pixels:
    """Return the brightness of a coloured picture."""
    return np.asarray(Image.fromarray(portrait).convert("L"))


def explain_strongest(portrait: Pixels, ascii_only: bool) -> str:
    """Return in words how the strongest edge of the grey portrait comes about."""
    grey = grey_of(portrait).astype(np.int64)
    strength = convolve.apply(grey, "sobel", padding="valid")[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(strength)), strength.shape)
    around = grey[row : row + 5, column : column + 5]
    across = convolve.explain(around, filters.sobel_x)
    down = convolve.explain(around, filters.sobel_y)
    middle = across.step_number((1, 1))
    x, y = across.steps[middle].total, down.steps[middle].total
    return "\n".join(
        [
            f"The strongest edge of the grey portrait is at row {row + 2}, column {column + 2}.",
            "Each of the two filters of sobel is laid on the 3 by 3 pixels around it (of 5 by 5, here).",
            "",
            "sobel-x, how much brighter it gets to the right:",
            across.to_text(middle, ascii=ascii_only).rstrip(),
            "",
            "sobel-y, how much brighter it gets downwards:",
            down.to_text(middle, ascii=ascii_only).rstrip(),
            "",
            f"sobel, how strong the edge is: the length of ({x}, {y}) is {strength[row, column]:.1f}",
        ]
    )


def draw_beside(before: Pixels, after: Pixels) -> str:
    """Return two pictures of one size as text, beside each other."""
    columns = min(WIDEST, (shutil.get_terminal_size().columns - GAP) // 2)
    size = (columns, columns * before.shape[0] // before.shape[1] // 2 * 2)
    draw = half_blocks if is_coloured() else shades
    drawn = [draw(Image.fromarray(picture).convert("RGB").resize(size)) for picture in (before, after)]
    return "\n".join((" " * GAP).join(pair) for pair in zip(*drawn, strict=True))


def is_coloured() -> bool:
    """Say whether colours are wanted: a terminal, and no NO_COLOR (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def half_blocks(picture: Image.Image) -> list[str]:
    """Return a line per two rows: the upper pixel colours the character "▀", the lower its background."""
    pixels = np.asarray(picture)
    return [
        "".join(_half_block(upper, lower) for upper, lower in zip(top, bottom, strict=True)) + "\x1b[0m"
        for top, bottom in zip(pixels[::2], pixels[1::2], strict=True)
    ]


def _half_block(upper: Pixels, lower: Pixels) -> str:
    foreground, background = ";".join(map(str, upper)), ";".join(map(str, lower))
    return f"\x1b[38;2;{foreground}m\x1b[48;2;{background}m▀"


def shades(picture: Image.Image) -> list[str]:
    """Return a line per two rows, darker characters for brighter pixels, as on a dark terminal."""
    grey = np.asarray(picture.convert("L")).astype(np.int64)
    levels = (grey[::2] + grey[1::2]) * len(SHADES) // 512
    return ["".join(SHADES[level] for level in row) for row in levels]


def write_page(before: Pixels, after: Pixels, explanation: str) -> Path:
    """Write the page, one file that needs no other, and return where it is."""
    page = PAGE.format(before=data_uri(before), after=data_uri(after), explanation=html.escape(explanation))
    try:
        return _write(Path.cwd() / "demo", page)
    except OSError:
        return _write(Path(tempfile.mkdtemp(prefix="convolve-demo-")), page)


def _write(folder: Path, page: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / PAGE_NAME
    path.write_text(page, encoding="utf-8")
    return path


def data_uri(pixels: Pixels) -> str:
    """Return a picture as a PNG inside an address, so that the page is one file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def command_name() -> str:
    """Return how to call the command from here: it may not be on the PATH, but stands beside this Python."""
    beside = Path(sys.executable).parent / "convolve"
    if shutil.which("convolve") or not beside.exists():
        return "convolve"
    return os.path.relpath(beside)


if __name__ == "__main__":
    main()
