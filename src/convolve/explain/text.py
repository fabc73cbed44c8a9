"""The five steps as text: place, multiply, sum, slide, collect.

The window is bracketed in the picture of the input and cells of the border carry a mark, so that nothing
depends on colour.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convolve.arguments import Call
from convolve.explain.board import CONTEXT, LARGEST_SIDE, BoardLine, board
from convolve.explain.json import check_size
from convolve.explain.numbers import shown
from convolve.explain.steps import Step
from convolve.spec import ConvSpec

if TYPE_CHECKING:
    from convolve.explain.explanation import Explanation

BORDER_MARK = "~"
HOLE = "·"
SPATIAL = ("depths", "rows", "columns")
LONGEST_LIST = 6
"""Numbers listed one by one; more become "first-last, every n-th" or are cut."""

SIGNS = {"×": "x", "⌊": "floor(", "⌋": ")", "Σ": "sum", "−": "-", "…": "...", "→": "->"}
"""Signs that neither ASCII nor the font of the animation has."""
Rows = list[str]


def to_text(
    explanation: "Explanation", step: int | Sequence[int] | None, every: bool, ascii_only: bool
) -> str:
    """Return one step in full; without one, the first and the result; or every step, shortly."""
    if every:
        check_size(explanation, "text")
        lines = [explanation.title, ""]
        for one in explanation.steps:
            lines += [heading(explanation, one), *arithmetic(one), ""]
        if _drawable(explanation):
            lines += ["collect", *result_rows(explanation, len(explanation.steps))]
        lines += _formulas(explanation)
    elif step is None:
        lines = [explanation.title, "", *full_step(explanation, explanation.steps[0])]
        if _drawable(explanation) and max(explanation.call.spec.result_shape[1:]) <= LARGEST_SIDE:
            lines += ["", "the whole output", *result_rows(explanation, len(explanation.steps))]
    else:
        lines = full_step(explanation, explanation.steps[explanation.step_number(step)])
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    return as_ascii(text) if ascii_only else text


def as_ascii(text: str) -> str:
    """Return text in ASCII; the dot of a product becomes a star, since 2.0 would be a number.

    >>> as_ascii("size = ⌊(5 + 2·0 − 1·(3−1) − 1) / 1⌋ + 1 = 3")
    'size = floor((5 + 2*0 - 1*(3-1) - 1) / 1) + 1 = 3'
    """
    return plain_signs(re.sub(r"(?<=[\d)])·(?=[\d(])", "*", text)).replace("·", ".")


def plain_signs(text: str) -> str:
    """Return text with the rarer signs spelled in letters."""
    for sign, plain in SIGNS.items():
        text = text.replace(sign, plain)
    return text


def title(call: Call) -> str:
    """Return what is done to what, in one line."""
    spec = call.spec
    size = "×".join(map(str, call.first.shape[2:]))
    channels = call.first.shape[1]
    if spec.dims == 1:
        parts = [f"filter of {spec.filter_size[0]} on a line of {size}"]
    else:
        parts = [f"{'×'.join(map(str, spec.filter_size))} filter on a {size} image"]
    if channels > 1 or spec.result_shape[1] > 1:
        parts.append(f"{channels} → {spec.result_shape[1]} channels")
    for name in ("stride", "dilation"):
        values = tuple(getattr(axis, name) for axis in spec.axes)
        if set(values) != {1}:
            parts.append(f"{name} {_short(values)}")
    pads = tuple(
        axis.before if axis.before == axis.after else (axis.before, axis.after) for axis in spec.axes
    )
    if set(pads) != {0}:
        parts.append(f"padding {_short(pads)}" + _border_words(spec))
    parts += [f"{spec.groups} groups"] if spec.groups > 1 else []
    parts += ["filter flipped"] if spec.flip else []
    text = ", ".join(parts)
    return f"transposed: {text}" if spec.operation == "conv_transpose" else text


def _border_words(spec: ConvSpec) -> str:
    """Return what the border holds, in brackets; a transposed convolution's constant border holds nothing."""
    if spec.boundary != "constant":
        return f" ({spec.boundary})"
    if spec.operation == "conv_transpose":
        return ""
    return f" (filled with {shown(spec.fill)})" if spec.fill else " (zeros)"


def _short(values: tuple[Any, ...]) -> str:
    return str(values[0] if len(set(values)) == 1 else values)


def full_step(explanation: "Explanation", step: Step) -> Rows:
    """Return one step with its picture of the input, what comes next, and the output so far."""
    lines = [heading(explanation, step)]
    if _drawable(explanation):
        lines += ["place: lay the filter on the input", *placed(explanation, step)]
    lines += ["multiply what meets, and sum", *arithmetic(step), "slide: " + slide(explanation, step)]
    if _drawable(explanation):
        lines += ["collect", *result_rows(explanation, step.number + 1, step)]
    return [*lines, *_formulas(explanation)]


def heading(explanation: "Explanation", step: Step) -> str:
    """Return which step this is, which output it makes and what it reads.

    As in "Step 2/9 · output[0,1] · rows 0-2, columns 1-3".
    """
    names = zip(SPATIAL[-len(step.lines) :], step.reads, strict=True)
    read = [counted(name, cells) for name, cells in names]
    if explanation.call.first.shape[1] > 1:
        read.insert(0, counted("channels", range(*step.channels)))
    over_border = any(
        not 0 <= position < axis.size
        for axis, line in zip(explanation.call.spec.axes, step.lines, strict=True)
        for position in line.positions
    )
    if over_border and not explanation.transposed:
        read.append("and the border")
    total = len(explanation.steps)
    return f"Step {step.number + 1}/{total} · output{index_text(explanation, step)} · {', '.join(read)}"


def index_text(explanation: "Explanation", step: Step) -> str:
    """Return the output's index, without the channel where the image has none."""
    index = step.index[1:] if explanation.call.form.bare else step.index
    return "[" + ",".join(map(str, index)) + "]"


def counted(names: str, cells: Sequence[int | None]) -> str:
    """Return what is read along one dimension, in the singular where it is one.

    >>> counted("rows", (1, 2)), counted("rows", (None, 0))
    ('rows 1-2', 'row 0')
    """
    inside = {cell for cell in cells if cell is not None}
    return f"{names[:-1] if len(inside) == 1 else names} {ranges(cells)}" if inside else f"no {names}"


def ranges(cells: Sequence[int | None]) -> str:
    """Return the cells read along one dimension, in few words.

    >>> ranges((1, 2, 3)), ranges((None, 0, 2)), ranges((None, 4))
    ('1-3', '0,2', '4')
    """
    inside = sorted({cell for cell in cells if cell is not None})
    if len(inside) == 1:
        return str(inside[0])
    if inside[-1] - inside[0] == len(inside) - 1:
        return f"{inside[0]}-{inside[-1]}"
    if len(inside) <= LONGEST_LIST:
        return ",".join(map(str, inside))
    return ",".join(map(str, inside[: LONGEST_LIST - 1])) + f",…,{inside[-1]}"


def arithmetic(step: Step) -> Rows:
    """Return window × weights = products, plane by plane, with the sums."""
    planes = _planes(step)
    sums = [plane_sum(products) for _, _, products in planes]
    lines = []
    for number, (window, weights, products) in enumerate(planes):
        last = number == len(planes) - 1
        middle = (len(window) - 1) // 2
        for row, parts in enumerate(zip(even_grid(window), grid(weights), grid(products), strict=True)):
            signs = ("  ×  ", "  =  ") if row == middle else ("     ", "     ")
            line = f"  {parts[0]}{signs[0]}{parts[1]}{signs[1]}{parts[2]}"
            if row == middle:
                line += f"    Σ = {sums[number]}"
            lines.append(line)
        lines += [] if last else [""]
    return [*lines, *closing(step, sums)]


def plane_sum(products: list[list[Any]]) -> str:
    """Return the sum of one plane's products."""
    flat = [value for row in products for value in row if value is not None]
    return shown(sum(flat[1:], flat[0])) if flat else "0"


def closing(step: Step, sums: list[str]) -> Rows:
    """Return how the planes' sums and the bias make the total, where there is more than one number."""
    if len(sums) == 1 and step.bias is None:
        return []
    text = " + ".join(f"({part})" if part.startswith("-") else part for part in sums)
    if step.bias is not None:
        text += f" + bias {shown(step.bias)}"
    return [f"  total = {text} = {shown(step.total)}"]


def _planes(step: Step) -> list[tuple[list[list[Any]], ...]]:
    """Return window, weights and products as two-dimensional planes; None where there is a hole."""
    rows, columns = ([1, *step.holes.shape])[-2:]
    holes = step.holes.reshape(-1, rows, columns)
    planes: list[tuple[list[list[Any]], ...]] = []
    for c in range(len(step.window)):
        parts = [part[c].reshape(-1, rows, columns) for part in (step.window, step.weights, step.products)]
        for d, gone in enumerate(holes):
            window, weights, products = (part[d] for part in parts)
            planes.append((_masked(window, gone), weights.tolist(), _masked(products, gone)))
    return planes


def _masked(plane: Any, gone: Any) -> list[list[Any]]:
    return [
        [None if hole else value for value, hole in zip(row, holes, strict=True)]
        for row, holes in zip(plane.tolist(), gone.tolist(), strict=True)
    ]


def grid(rows: list[list[Any]]) -> Rows:
    """Return rows of numbers, each column as wide as its longest."""
    words = _words(rows)
    widths = [max(map(len, column)) for column in zip(*words, strict=True)]
    return [" ".join(word.rjust(width) for word, width in zip(row, widths, strict=True)) for row in words]


def even_grid(rows: list[list[Any]]) -> Rows:
    """Return rows of numbers, all columns equally wide, as in the picture of the input."""
    words = _words(rows)
    width = max(len(word) for row in words for word in row)
    return [" ".join(word.rjust(width) for word in row) for row in words]


def _words(rows: list[list[Any]]) -> list[list[str]]:
    return [[HOLE if value is None else shown(value) for value in row] for row in rows]


def placed(explanation: "Explanation", step: Step) -> Rows:
    """Return the board with the window in brackets: of a long one the part around the window."""
    spec = explanation.call.spec
    whole = board(spec)
    parts = [line.around(at) for line, at in zip(whole, step.lines, strict=True)]
    window = [set(part.places_at(line)) for part, line in zip(parts, step.lines, strict=True)]
    rows, columns = ([BoardLine(0, (0,), (False,)), *parts])[-2:]
    row_window, column_window = ([{0}, *window])[-2:]
    lines = []
    for channel in range(*step.channels):
        plane = explanation.call.first[0, channel].reshape((-1, explanation.call.first.shape[-1]))
        words = [
            [_word(plane, row, column, edge or side, spec, explanation.transposed)
             for column, side in zip(columns.cells, columns.border, strict=True)]
            for row, edge in zip(rows.cells, rows.border, strict=True)
        ]  # fmt: skip
        marked = [column_window if number in row_window else set() for number in range(len(words))]
        if explanation.call.first.shape[1] > 1:
            lines.append(f"  channel {channel}")
        lines += bracketed(words, marked)
    if any(any(part.border) for part in parts):
        lines.append("  " + _legend(explanation))
    if parts != list(whole):
        shown_part = ", ".join(
            counted(name, part.cells) for name, part in zip(SPATIAL[-len(parts) :], parts, strict=True)
        )
        lines.append(f"  (the part around the window: {shown_part})")
    return lines


def _legend(explanation: "Explanation") -> str:
    if explanation.transposed:
        return f"({HOLE}: nothing, between and around the cells that the stride spreads out)"
    spec = explanation.call.spec
    return (
        f"({BORDER_MARK}: the border, {spec.boundary if spec.boundary != 'constant' else shown(spec.fill)})"
    )


def _word(
    plane: Any, row: int | None, column: int | None, border: bool, spec: ConvSpec, transposed: bool
) -> str:
    if row is None or column is None:
        return HOLE if transposed else BORDER_MARK + shown(spec.fill)
    value = shown(plane[row, column])
    return BORDER_MARK + value if border and not transposed else value


def bracketed(words: list[list[str]], marked: list[set[int]]) -> Rows:
    """Return rows of words; runs of marked ones stand in brackets."""
    width = max(len(word) for row in words for word in row)
    lines = []
    for row, inside in zip(words, marked, strict=True):
        line = " "
        for number, word in enumerate(row):
            opens = number in inside and number - 1 not in inside
            closes = number - 1 in inside and number not in inside
            line += "[" if opens else "]" if closes else " "
            line += word.rjust(width)
        lines.append(line + ("]" if len(row) - 1 in inside else ""))
    return lines


def slide(explanation: "Explanation", step: Step) -> str:
    """Return where the filter goes next."""
    if step.number + 1 == len(explanation.steps):
        return "this was the last place"
    following = explanation.steps[step.number + 1]
    where = heading(explanation, following).split(" · ", 1)[1].replace(" · ", ", ")
    return f"next comes {where}"


def result_rows(explanation: "Explanation", upto: int, step: Step | None = None) -> Rows:
    """Return the output as far as it is collected; with a step, its channel and that output in brackets."""
    shape = explanation.call.spec.result_shape[1:]
    plane = (1, *shape[1:])[-2:]
    rows, columns = (range(length) for length in plane)
    channels = range(shape[0]) if step is None else range(step.index[0], step.index[0] + 1)
    if step is not None and max(plane) > LARGEST_SIDE:
        row, column = (0, *step.index[1:])[-2:]
        rows, columns = _near(row, plane[0]), _near(column, plane[1])
    lines = []
    for k in channels:
        numbers = [[(k * plane[0] + row) * plane[1] + column for column in columns] for row in rows]
        words = [[_collected(explanation, number, upto) for number in row] for row in numbers]
        marked = [
            {c for c, number in enumerate(row) if step is not None and number == step.number}
            for row in numbers
        ]
        lines += [f"  channel {k}"] if shape[0] > 1 else []
        lines += bracketed(words, marked)
    return lines


def _near(at: int, length: int) -> range:
    return range(max(0, at - CONTEXT), min(length, at + CONTEXT + 1))


def _collected(explanation: "Explanation", number: int, upto: int) -> str:
    return shown(explanation.total(number)) if number < upto else HOLE


def _formulas(explanation: "Explanation") -> Rows:
    """Return the size formulas; equal dimensions share one."""
    return list(dict.fromkeys(explanation.size_formula))


def _drawable(explanation: "Explanation") -> bool:
    """Say whether the board and the output are flat enough to be drawn as rows."""
    return explanation.call.spec.dims <= 2
