"""One step as a drawing made of boxes and words, which `svg`, `gif` and `plot` put on their own canvas.

From left to right: the input with its border and the window on it, the weights, the products, and the
output as far as it is collected; one row of them per channel; below, the sum and the size formula.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from convolve.errors import ArgumentError
from convolve.explain import palette, text
from convolve.explain.board import CONTEXT, LARGEST_SIDE, BoardLine, board
from convolve.explain.numbers import shown
from convolve.explain.palette import Colour
from convolve.explain.steps import Line, Step

if TYPE_CHECKING:
    from convolve.explain.explanation import Explanation

LARGEST_CHANNELS = 8
HEIGHT = 38
"""Height of a cell in pixels, which the number and the weight below it need."""
CHARACTER = 9
"""Width of a character at `NUMBER` size, in pixels, on the safe side."""
MARGIN, GAP, CAPTION = 24, 48, 26
TITLE, NUMBER, SMALL = 18, 15, 11

Align = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: filled, perhaps hatched, with an outline of some width (0 for none)."""

    left: float
    top: float
    width: float
    height: float
    fill: Colour | None
    outline: Colour
    line: float
    hatched: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """Text at a point: ``left`` is its start, middle or end, ``middle`` the middle of its height."""

    left: float
    middle: float
    text: str
    size: int
    colour: Colour
    align: Align = "middle"
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything to be drawn, back to front, and what it says for people who do not see it."""

    width: int
    height: int
    shapes: tuple[Box | Word, ...]
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell of a grid looks like."""

    text: str
    ground: Colour = palette.PAPER
    note: str = ""
    hatched: bool = False
    quiet: bool = False
    window: bool = False


Grid = list[list[Cell]]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Widths of cells and planes, the same for all steps, so that an animation does not jump."""

    input: int
    filter: int
    product: int
    output: int
    rows: int
    columns: tuple[int, int, int]
    header: int


def scene(explanation: "Explanation", step: Step, sizes: "Sizes", note: str = "") -> Scene:
    """Return the drawing of one step."""
    shapes: list[Box | Word] = []
    heading = text.heading(explanation, step)
    top = MARGIN + TITLE
    shapes.append(Word(MARGIN, MARGIN, heading, TITLE, palette.INK, "start", True))
    caption = explanation.title + (f" · {note}" if note else "")
    shapes.append(Word(MARGIN, top + 10, caption, SMALL + 2, palette.QUIET, "start"))
    top += 30
    lefts = _lefts(sizes)
    channels = explanation.call.first.shape[1]
    row_height = sizes.rows * HEIGHT + CAPTION + 18
    for channel in range(channels):
        shapes += _channel_row(explanation, step, sizes, channel, lefts, top + channel * row_height)
    shapes += _output(explanation, step, sizes, lefts[3], top, row_height)
    bottom = top + channels * row_height + 8
    words = _sum_line(step)
    shapes.append(Word(MARGIN, bottom, words, NUMBER, palette.INK, "start", True))
    for number, formula in enumerate(dict.fromkeys(explanation.size_formula)):
        at = bottom + 26 + 20 * number
        shapes.append(Word(MARGIN, at, formula, SMALL + 2, palette.QUIET, "start"))
    height = bottom + 26 + 20 * len(dict.fromkeys(explanation.size_formula)) + MARGIN - 16
    out = explanation.call.spec.result_shape[2:][-1]
    right = lefts[3] + min(out, _near(0, out)[1]) * sizes.output
    longest = max(_length(heading, TITLE), _length(caption, SMALL + 2), _length(words, NUMBER), sizes.header)
    width = round(max(right, MARGIN + longest) + MARGIN)
    return Scene(width, round(height), tuple(shapes), heading, _description(explanation, step))


def check_drawable(explanation: "Explanation", what: str) -> None:
    """Refuse what cannot be drawn flat, in words that say what to do."""
    spec = explanation.call.spec
    if spec.dims > 2:
        raise ArgumentError(
            f"{what} can show 1 and 2 dimensions, but this explanation has {spec.dims}; explain one "
            "plane, for example image[0] with kernel[0], or use to_text() or to_json()"
        )
    channels = explanation.call.first.shape[1]
    if channels > LARGEST_CHANNELS:
        raise ArgumentError(
            f"{what} can show at most {LARGEST_CHANNELS} channels below each other, but the input has "
            f"{channels}; use to_text(), or explain fewer channels, for example image[:8] with kernel[:, :8]"
        )
    if max(spec.filter_size) > LARGEST_SIDE:
        raise ArgumentError(
            f"{what} can show filters of at most {LARGEST_SIDE} taps a side, but this one has "
            f"{'×'.join(map(str, spec.filter_size))}; use to_text(), or a smaller filter"
        )


def sizes_for(explanation: "Explanation", steps: Iterable[Step]) -> Sizes:
    """Return cell widths in which every number of these steps has room."""
    some = list(steps)
    values = [value for one in some for value in one.window.ravel()]
    if max(len(line.cells) for line in board(explanation.call.spec)) <= LARGEST_SIDE:
        values += list(explanation.call.first.ravel())
    weights = [value for one in some for value in one.weights.ravel()]
    products = [value for one in some for value in one.products.ravel()]
    parts = [_board_parts(explanation, one) for one in some]
    window = [
        (len(one.lines[0].cells) if len(one.lines) == 2 else 1, len(one.lines[-1].cells)) for one in some
    ]
    return Sizes(
        max(_cell_width(values), _cell_width(weights, "×", SMALL)),
        _cell_width(weights),
        _cell_width(products),
        _cell_width(one.total for one in some),
        max(max(len(rows.cells), high) for (rows, _), (high, _) in zip(parts, window, strict=True)),
        (
            max(len(columns.cells) for _, columns in parts),
            max(wide for _, wide in window),
            max(wide for _, wide in window),
        ),
        max(_length(text.heading(explanation, one), TITLE) for one in some),
    )


def _cell_width(values: Iterable[Any], prefix: str = "", size: int = NUMBER) -> int:
    longest = max((len(prefix + shown(value)) for value in values), default=1)
    return max(HEIGHT, round(longest * CHARACTER * size / NUMBER) + 14)


def _length(words: str, size: int) -> int:
    """Return how wide a line of text may become, about."""
    return round(len(words) * size * 0.56)


def _lefts(sizes: Sizes) -> tuple[int, int, int, int]:
    """Return where the input, the weights, the products and the output begin."""
    weights = MARGIN + sizes.columns[0] * sizes.input + GAP
    products = weights + sizes.columns[1] * sizes.filter + GAP
    return MARGIN, weights, products, products + sizes.columns[2] * sizes.product + GAP


def _channel_row(
    explanation: "Explanation", step: Step, sizes: Sizes, channel: int, lefts: Sequence[int], top: float
) -> list[Box | Word]:
    """Return input, weights and products of one channel; one of another group is shown without weights."""
    many = explanation.call.first.shape[1] > 1
    name = f"input, channel {channel}" if many else "input"
    shapes = _grid(_input_grid(explanation, step, channel), lefts[0], top, sizes.input, name)
    first, stop = step.channels
    if not first <= channel < stop:
        words = "another group: not read"
        shapes.append(Word(lefts[1], top + CAPTION + HEIGHT / 2, words, SMALL + 2, palette.QUIET, "start"))
        return shapes
    at = channel - first
    weights, products = (_plane(part[at]) for part in (step.weights, step.products))
    holes = step.holes.reshape(weights.shape)
    scales = palette.scale_of(step.weights), palette.scale_of(step.products)
    shown_weights = [[Cell(shown(v), palette.tint(v, scales[0])) for v in row] for row in weights]
    shown_products = [
        [Cell("", palette.BORDER, hatched=True) if gone else Cell(shown(v), palette.tint(v, scales[1]))
         for v, gone in zip(row, lost, strict=True)]
        for row, lost in zip(products, holes, strict=True)
    ]  # fmt: skip
    shapes += _grid(shown_weights, lefts[1], top, sizes.filter, "weights")
    shapes += _grid(shown_products, lefts[2], top, sizes.product, "products")
    middle = top + CAPTION + len(weights) * HEIGHT / 2
    shapes.append(Word(lefts[1] - GAP / 2, middle, "×", TITLE + 4, palette.INK))
    shapes.append(Word(lefts[2] - GAP / 2, middle, "=", TITLE + 4, palette.INK))
    below = top + CAPTION + len(weights) * HEIGHT + 13
    wide = products.shape[1] * sizes.product
    words = f"sum {shown(step.sums[at])}"
    shapes.append(Word(lefts[2] + wide / 2, below, words, NUMBER, palette.INK, "middle", True))
    return shapes


def _plane(values: Any) -> Any:
    """Return the numbers of one channel as rows; one dimension is a single row."""
    return values.reshape(-1, values.shape[-1])


def _board_parts(explanation: "Explanation", step: Step) -> tuple[BoardLine, BoardLine]:
    lines = zip(board(explanation.call.spec), step.lines, strict=True)
    parts = [whole.around(at) for whole, at in lines]
    rows, columns = [BoardLine(0, (0,), (False,)), *parts][-2:]
    return rows, columns


def _input_grid(explanation: "Explanation", step: Step, channel: int) -> Grid:
    """Return the board of one channel, the window's cells in the tint of the weight on them."""
    spec = explanation.call.spec
    rows, columns = _board_parts(explanation, step)
    one_row = Line((0,), (0,), (False,), (0,))
    row_line, column_line = [one_row, *step.lines][-2:]
    row_places, column_places = rows.places_at(row_line), columns.places_at(column_line)
    plane = _plane(explanation.call.first[0, channel])
    connected = step.channels[0] <= channel < step.channels[1]
    weights = _plane(step.weights[channel - step.channels[0]]) if connected else None
    scale = palette.scale_of(step.weights)
    grid: Grid = []
    for r, row in enumerate(rows.cells):
        line = []
        for c, column in enumerate(columns.cells):
            border = rows.border[r] or columns.border[c]
            empty = row is None or column is None
            hole = empty and explanation.transposed
            value = spec.fill if empty else plane[row, column]
            inside = weights is not None and r in row_places and c in column_places
            weight = (
                weights[np.ix_(row_places[r], column_places[c])].sum()
                if inside and weights is not None
                else None
            )
            ground = palette.BORDER if border else palette.PAPER
            line.append(
                Cell(
                    "" if hole else shown(value),
                    ground if weight is None or hole else palette.tint(weight, scale),
                    "" if weight is None or hole else f"×{shown(weight)}",
                    border,
                    border or not connected,
                    weight is not None,
                )
            )
        grid.append(line)
    return grid


def _output(
    explanation: "Explanation", step: Step, sizes: Sizes, left: int, top: float, row_height: float
) -> list[Box | Word]:
    """Return the plane of the output that this step belongs to, as far as it is collected."""
    spec = explanation.call.spec
    plane = (1, *spec.result_shape[2:])[-2:]
    row, column = (0, *step.index[1:])[-2:]
    rows, columns = range(*_near(row, plane[0])), range(*_near(column, plane[1]))
    numbers = [[(step.index[0] * plane[0] + r) * plane[1] + c for c in columns] for r in rows]
    totals = {
        number: explanation.total(number) for line in numbers for number in line if number <= step.number
    }
    whole = max(plane) <= LARGEST_SIDE  # then the tints can stay the same from the first step to the last
    scale = palette.scale_of(explanation.output if whole else list(totals.values()))
    grid = [
        [
            Cell(
                shown(totals[number]) if number in totals else "",
                palette.tint(totals[number], scale) if number in totals else palette.PAPER,
                window=number == step.number,
            )
            for number in line
        ]
        for line in numbers
    ]
    many = spec.result_shape[1] > 1
    name = f"output, channel {step.index[0]}" if many else "output"
    shapes = _grid(grid, left, top, sizes.output, name)
    shapes.append(Word(left - GAP / 2, top + CAPTION + HEIGHT / 2, "→", TITLE + 4, palette.INK))
    return shapes


def _near(at: int, length: int) -> tuple[int, int]:
    """Return all of a line of outputs, or of a long one the part around one of them."""
    if length <= LARGEST_SIDE:
        return 0, length
    start = min(max(0, at - CONTEXT), length - 2 * CONTEXT - 1)
    return start, start + 2 * CONTEXT + 1


def _grid(grid: Grid, left: float, top: float, width: int, name: str) -> list[Box | Word]:
    """Return a captioned grid; the cells of the window are outlined last, over their neighbours."""
    shapes: list[Box | Word] = [Word(left, top + CAPTION / 2, name, SMALL + 2, palette.QUIET, "start")]
    marked: list[Box | Word] = []
    for r, row in enumerate(grid):
        for c, cell in enumerate(row):
            x, y = left + c * width, top + CAPTION + r * HEIGHT
            hatched = cell.hatched and not cell.note
            shapes.append(Box(x, y, width, HEIGHT, cell.ground, palette.RULE, 1, hatched))
            ink = palette.QUIET if cell.quiet and not cell.note else palette.ink_on(cell.ground)
            middle = y + HEIGHT / 2 - (5 if cell.note else 0)
            if cell.text:
                shapes.append(Word(x + width / 2, middle, cell.text, NUMBER, ink))
            if cell.note:
                shapes.append(Word(x + width / 2, y + HEIGHT - 9, cell.note, SMALL, ink))
            if cell.window:
                marked.append(Box(x, y, width, HEIGHT, None, palette.WINDOW, 3))
    return shapes + marked


def _sum_line(step: Step) -> str:
    """Return how the total came about."""
    total = shown(step.total)
    if len(step.sums) == 1 and step.bias is None:
        return f"sum of the products = {total}"
    parts = [f"({shown(one)})" if shown(one).startswith("-") else shown(one) for one in step.sums]
    bias = [] if step.bias is None else [f"bias {shown(step.bias)}"]
    return f"{' + '.join([*parts, *bias])} = {total}"


def _description(explanation: "Explanation", step: Step) -> str:
    """Return the drawing in words, for screen readers."""
    pairs = [
        f"{shown(value)} × {shown(weight)}"
        for value, weight, gone in zip(
            step.window.ravel(),
            step.weights.ravel(),
            np.broadcast_to(step.holes, step.window.shape).ravel(),
            strict=True,
        )
        if not gone
    ]
    bias = "" if step.bias is None else f" + bias {shown(step.bias)}"
    return (
        f"{explanation.title}. {text.heading(explanation, step)}: "
        f"{' + '.join(pairs) or '0'}{bias} = {shown(step.total)}. {'; '.join(explanation.size_formula)}."
    )
