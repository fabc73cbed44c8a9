"""The planner: (sizes, geometry, target) -> Plan: the cheapest tile by the cost model, then its blocking.

The choice depends on the question and on the target's description alone, never on a clock. The number of
threads changes only how much one item does, which changes no result.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import replace

from convolve.compiler.blocking import blocking, streams
from convolve.compiler.costs import Choice, direct_choices
from convolve.compiler.dot_costs import dot_choices
from convolve.compiler.expressions import NOTHING
from convolve.compiler.passes import plan_passes, plan_passes_as, strip_tile
from convolve.compiler.plan import Code, Plan, Triple, Way
from convolve.compiler.problem import Geometry, Sizes, cells_read, item_bytes, one_plane, pieces
from convolve.compiler.target import Target
from convolve.compiler.winograd_costs import winograd_choices

WORTH_A_COMPILE = 1.08
"""How much slower than the best the tile for large images may be and still be taken: a routine for each odd
size would take 0.1 s to compile."""

WORTH_A_COMPILE_OF_MAPS = 1.04
"""The same of planes that stay in the caches, which have few sizes in a network: 32 of 112 × 112, 3 × 3, took
117 µs with a tile that fills them and 138 with that of larger ones (2026-11-26, AMD Zen 4, AVX-512)."""

SHORT_WORK = 20_000_000
"""Cycles, some 5 ms, beyond which a tile of its own is soon worth its compile."""

WORTH_FACTORS = 0.9
"""Part of the direct method's cycles that separable passes may be estimated at: near 1 the direct one is as
fast and rounds less."""

LARGE = 96
"""Outputs per dimension in whose multiples tiles are chosen: most tiles fill them, so they hardly differ."""


@functools.lru_cache(maxsize=4096)
def plan(sizes: Sizes, geometry: Geometry, target: Target, threads: int = 1) -> Plan:
    """Return how a forward convolution is computed on a target."""
    if sizes.terms and _passes_pay(*one_plane(sizes, geometry), target):
        return plan_passes(sizes, geometry, target, threads)
    return _direct(replace(sizes, terms=0), geometry, target, threads)


@functools.lru_cache(maxsize=4096)
def plan_region(
    sizes: Sizes, geometry: Geometry, whole: tuple[Sizes, Geometry], target: Target, threads: int = 1
) -> Plan:
    """Return how a region of a larger result is computed so that it has the bits that it has there.

    Method and tile set the order of summation, so they are those of the whole; what one item does is not.
    """
    model = plan(*whole, target).code
    if model.method == "separable":
        return plan_passes_as(model, sizes, geometry, target, threads)
    return plan_way((model.method, model.tile), sizes, geometry, target, threads)


@functools.lru_cache(maxsize=4096)
def plan_way(way: Way, sizes: Sizes, geometry: Geometry, target: Target, threads: int = 1) -> Plan:
    """Return how a convolution is computed by a method and tile that are given."""
    sizes = replace(sizes, terms=0)
    tiles = choices(sizes, geometry, target)
    same = [one for one in tiles if (one.method, one.tile) == way]
    best = same[0] if same else Choice(*way, 1.0, 1.0)
    return planned(replace(best, direct=False), tiles, sizes, geometry, target, threads)


def steps_of_regions(code: Code, target: Target) -> Triple:
    """Return at multiples of how many outputs regions may begin, per dimension, to have the whole's bits.

    Neighbouring outputs share sums in Winograd's tiles and where equal factors are summed up once; elsewhere
    each output is summed up by itself.
    """
    if code.method == "winograd":
        down, across = (code.tile[2] * apart for apart in code.dilation[1:])
        return 1, down, across
    if code.method == "separable":
        deep, high = (strip_tile(code, axis, target)[0] if code.boxes[axis] else 1 for axis in (0, 1))
        return deep, high, 1
    return 1, 1, 1


@functools.lru_cache(maxsize=1024)
def _passes_pay(sizes: Sizes, geometry: Geometry, target: Target) -> bool:
    """Whether separable passes are the cheaper way for one plane.

    It sets the order of summation, and planes that are filtered together must get the bits that each of
    them gets alone.
    """
    direct = min(choices(replace(sizes, terms=0), geometry, target), key=_cycles)
    return plan_passes(sizes, geometry, target, 1).cycles < direct.cycles * WORTH_FACTORS


def _direct(sizes: Sizes, geometry: Geometry, target: Target, threads: int) -> Plan:
    """Return how the sum over all taps is computed."""
    tiles = choices(sizes, geometry, target)
    best = min(tiles, key=_cycles)
    usual = min(choices(_large(sizes), geometry, target), key=_cycles)
    same = [one for one in tiles if (one.method, one.tile) == (usual.method, usual.tile)]
    if best.cycles > SHORT_WORK:
        return planned(best, tiles, sizes, geometry, target, threads)
    worth = WORTH_A_COMPILE_OF_MAPS if best.whole else WORTH_A_COMPILE
    if same and same[0].cycles <= best.cycles * worth:
        best = same[0]
    elif best.direct:  # sizes with a tile of their own share one routine, that for packed cells
        best = replace(best, direct=False)
    return planned(best, tiles, sizes, geometry, target, threads)


def choices(sizes: Sizes, geometry: Geometry, target: Target) -> tuple[Choice, ...]:
    """Return every method and tile that can be taken, with its estimate; epilogues change none."""
    return _choices(sizes, replace(geometry, activation=NOTHING, adds=False), target)


@functools.lru_cache(maxsize=64)  # of some 70 choices each
def _choices(sizes: Sizes, geometry: Geometry, target: Target) -> tuple[Choice, ...]:
    methods = (direct_choices, dot_choices, winograd_choices)
    return tuple(choice for method in methods for choice in method(sizes, geometry, target))


def _cycles(choice: Choice) -> float:
    return choice.cycles


def _large(sizes: Sizes) -> Sizes:
    """Return the same convolution of an image that is larger, by less than `LARGE`."""
    depth, height, width = (1 if size == 1 else pieces(size, LARGE) * LARGE for size in sizes.output)
    output = (depth, height, width)
    return replace(sizes, batch=1, output=output, input=output)


def planned(
    best: Choice, tiles: Sequence[Choice], sizes: Sizes, geometry: Geometry, target: Target, threads: int
) -> Plan:
    """Return the plan of one choice."""
    code = geometry.code(best.method, best.tile, best.direct, best.whole)
    filters = sizes.filters * geometry.spread
    weights = sizes.groups * filters * sizes.channels * math.prod(geometry.taps)
    arithmetic = geometry.arithmetic
    bytes_each = item_bytes(code.weight_dtype)
    moved = sizes.channels * cells_read(sizes, geometry) * item_bytes(arithmetic.input)
    moved += filters * sizes.outputs * item_bytes(arithmetic.output)
    moved = sizes.batch * sizes.groups * moved + weights * bytes_each
    code = replace(code, streams=streams(code, sizes, moved, target))
    cut = blocking(code, sizes, target, threads, best.cycles)
    return Plan(
        code,
        _reason(best, tiles),
        cut.block,
        cut.channels,
        cut.panels,
        2 * sizes.batch * weights * sizes.outputs,
        moved,
        int(best.cycles),
    )


def _reason(best: Choice, tiles: Sequence[Choice]) -> str:
    """Return in words why a choice won."""
    text = f"the cheapest of {len(tiles)} tiles, {best.busy:.0%} of its time in the inner block"
    other = min((one for one in tiles if one.method != best.method), key=lambda one: one.cycles, default=None)
    if other is None or not best.cycles:
        return text
    return f"{text}; the best {other.method} would take {other.cycles / best.cycles:.2f} times as long"
