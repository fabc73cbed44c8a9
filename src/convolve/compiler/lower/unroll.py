"""Unrolling within bounds: taps are written out where that stays short, and looped over where it does not."""

from collections.abc import Callable, Iterator

from convolve.compiler.affine import Affine
from convolve.compiler.builder import Pen
from convolve.compiler.costs import MOST_UNROLLED


def tap_groups(
    pen: Pen, taps: int, work_per_tap: int, unit: int = 1, limit: int = MOST_UNROLLED
) -> Iterator[Affine]:
    """Yield each tap as an index: a number where taps are unrolled, ``loop variable + number`` in a loop.

    The caller writes the work of a tap for each index that is yielded. ``unit`` taps always stand together,
    because what they read differs in more than their place.
    """
    most = max(1, limit // (work_per_tap * unit)) * unit
    if taps <= most:
        yield from (Affine.of(tap) for tap in range(taps))
        return
    whole = taps // most
    # A loop even if it takes one step: LLVM moves no load out of it, which would need one more register.
    with pen.loop("tx", 0, Affine.of(whole)) as group:
        for tap in range(most):
            yield group * most + tap
    yield from (Affine.of(tap) for tap in range(whole * most, taps))


def tap_runs(pen: Pen, taps: int, most: int) -> Iterator[list[Affine]]:
    """Yield neighbouring taps in runs of at most ``most`` that are written out together."""
    whole = taps // most
    with pen.loop("tg", 0, whole if taps == most else Affine.of(whole)) as group:
        yield [group * most + tap for tap in range(most)]
    if taps % most:
        yield [Affine.of(tap) for tap in range(whole * most, taps)]


MOST_IN_COLUMNS = 110
"""Multiply-adds of a stencil's filter that is written out whole: 3 × 3 taps of 12 sums. Where several columns
stand in one block that does not hold them all, LLVM loads cells early and runs out of registers."""


def columns(pen: Pen, taps: int, work_per_tap: int, unit: int) -> Iterator[Affine]:
    """Yield the columns of a stencil's filter: all written out if they are few, else one at a time."""
    limit = MOST_IN_COLUMNS if taps * work_per_tap <= MOST_IN_COLUMNS else 1
    yield from tap_groups(pen, taps, work_per_tap, unit, limit)


LEAST_UNROLLED = 40
"""Multiply-adds that the body of a counted loop should hold: 12 (one tap) leave the loop's own steps in
sight, 48 gave 4 % more for 1 × 1 filters (2026-11-23, AMD Zen 3)."""


def passes_at_once(work: int) -> int:
    """Return how many passes of so many multiply-adds a counted loop writes out in its body."""
    return max(1, LEAST_UNROLLED // work)


def counted(
    pen: Pen, name: str, count: Affine, work: int, hint: Callable[[Affine], None]
) -> Iterator[Affine]:
    """Yield the index of each pass of a loop, several passes written out in a body if each is short.

    The caller writes the work of a pass for each index that is yielded; ``hint`` writes what every body
    begins with.
    """
    passes = passes_at_once(work)
    if passes == 1:
        with pen.loop(name, 0, count) as one:
            hint(one)
            yield one
        return
    whole = pen.quotient(f"{name}_whole", count, passes)
    with pen.loop(f"{name}_group", 0, whole) as group:
        hint(group * passes)
        for place in range(passes):
            yield group * passes + place
    with pen.loop(name, [0, whole * passes], count) as one:
        yield one
