"""Moving numbers between lanes: transposing a square of registers, and loading every second or third number.

Vectors wider than 128 bits are transposed in two steps, because x86 moves numbers freely only inside each
128-bit part: first the small squares inside the parts, then whole parts.
"""

from collections.abc import Callable, Sequence

Shuffle = Callable[[str, str, Sequence[int]], str]
"""(a, b, places) -> the register whose lane i is lane places[i] of a and b laid end to end."""

PART_BYTES = 16
"""Bytes of the parts inside which x86 shuffles cheaply."""


def transpose(rows: Sequence[str], item_bytes: int, shuffle: Shuffle) -> list[str]:
    """Return the columns of a square of registers."""
    lanes = len(rows)
    part = min(lanes, PART_BYTES // item_bytes)
    columns = [
        _transpose_parts(list(rows[first : first + part]), lanes, part, shuffle)
        for first in range(0, lanes, part)
    ]
    step = 1
    while step < lanes // part:
        for group in range(lanes // part):
            if not group & step:
                pairs = zip(columns[group], columns[group + step], strict=True)
                swapped = [_swap(a, b, lanes, step * part, shuffle) for a, b in pairs]
                columns[group] = [low for low, _ in swapped]
                columns[group + step] = [high for _, high in swapped]
        step *= 2
    return [register for group in columns for register in group]


def _transpose_parts(rows: list[str], lanes: int, part: int, shuffle: Shuffle) -> list[str]:
    """Transpose the squares inside the parts, by interleaving rows log2(part) times."""
    half = part // 2
    low = [start + i // 2 + (i % 2) * lanes for start in range(0, lanes, part) for i in range(part)]
    high = [place + half for place in low]
    rounds = part.bit_length() - 1
    for _ in range(rounds):
        pairs = [(rows[i], rows[i + half]) for i in range(half)]
        rows = [shuffle(a, b, places) for a, b in pairs for places in (low, high)]
    return rows


def _swap(a: str, b: str, lanes: int, width: int, shuffle: Shuffle) -> tuple[str, str]:
    """Exchange the odd runs of ``width`` lanes of a with the even ones of b."""
    odd = [bool(lane & width) for lane in range(lanes)]
    low = [lane - width + lanes if odd[lane] else lane for lane in range(lanes)]
    high = [lane + lanes if odd[lane] else lane + width for lane in range(lanes)]
    return shuffle(a, b, low), shuffle(a, b, high)


def strided_starts(lanes: int, step: int) -> list[int]:
    """Return where the whole vectors start that together hold ``lanes`` numbers ``step`` apart.

    The last one is moved back so that nothing behind the last number is read.

    >>> strided_starts(8, 2)
    [0, 7]
    """
    span = (lanes - 1) * step + 1
    return [min(first, span - lanes) for first in range(0, span, lanes)]


def gather(vectors: Sequence[str], lanes: int, step: int, shuffle: Shuffle) -> str:
    """Pick the numbers ``step`` apart out of the vectors at `strided_starts`."""
    starts = strided_starts(lanes, step)
    result = vectors[0]
    places = [lane * step if lane * step < lanes else -1 for lane in range(lanes)]
    result = shuffle(vectors[0], vectors[0], places)
    for vector, start in zip(vectors[1:], starts[1:], strict=True):
        places = [
            lanes + lane * step - start if start <= lane * step < start + lanes else lane
            for lane in range(lanes)
        ]
        result = shuffle(result, vector, places)
    return result
