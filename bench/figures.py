"""What follows from a run's times: rates, shares of the limit, ratios, and their means."""

import fnmatch
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bench import shapes
from bench.shapes import Shape

OURS = "ours"
Record = dict[str, Any]
SHAPES = {one.name: one for name in ("standard_set.csv", "overhead.csv") for one in shapes.load(name)}


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured for one shape with so many threads.

    Attributes
    ----------
    seconds
        Ours: weights bound, the result written into an array that is there; median.
    p10
        The tenth percentile of the same.
    bound, unbound
        For every peer, its time by ours, both allocating: above 1 we are faster.
    by_p10
        As bound, but of the tenth percentiles.
    limit
        Seconds below which the direct method cannot come on this machine.
    """

    shape: Shape
    threads: int
    seconds: float
    p10: float
    limit: float
    peak: float
    bandwidth: float
    bound: dict[str, float]
    unbound: dict[str, float]
    by_p10: dict[str, float]

    @property
    def rate(self) -> float:
        """Direct-equivalent floating-point operations per second."""
        return self.shape.flops / self.seconds

    @property
    def percent_of_peak(self) -> float:
        """Per cent of the measured rate of multiply-adds of all threads."""
        return 100 * self.rate / self.peak

    @property
    def percent_of_limit(self) -> float:
        """Per cent of what the shape allows; above 100 where the data stay in the caches."""
        return 100 * self.limit / self.seconds

    @property
    def percent_of_copy(self) -> float:
        """Per cent of the bytes per second of a measured copy."""
        return 100 * self.shape.bytes_moved / self.seconds / self.bandwidth

    @property
    def best_peer(self) -> str | None:
        """The peer that is fastest with bound weights."""
        return min(self.bound, key=lambda peer: self.bound[peer], default=None)

    @property
    def ratio(self) -> float | None:
        """Time of the best peer by ours."""
        return min(self.bound.values(), default=None)

    @property
    def quick_ratio(self) -> float | None:
        """The same by the tenth percentile of all calls, for machines that have something else to do."""
        return min(self.by_p10.values(), default=None)

    @property
    def unbound_ratio(self) -> float | None:
        """Time of the best peer by ours, weights not prepared on either side."""
        return min(self.unbound.values(), default=None)


def figures(result: Record) -> list[Figure]:
    """Return the figures of a run, in the order of the standard set."""
    found = []
    for name, by_threads in result["shapes"].items():
        for threads, records in by_threads.items():
            if "modes" in records.get(OURS, {}):
                found.append(figure(SHAPES[name], int(threads), records, result["limits"][threads]))
    return found


def figure(shape: Shape, threads: int, records: Record, limits: Record) -> Figure:
    """Return the figures of one shape."""
    own = records[OURS]["modes"]
    peak = limits["flops_per_second"] * threads
    bandwidth = limits["bytes_per_second"]
    return Figure(
        shape, threads, own["out"]["median"], own["out"]["p10"],
        limit_seconds(shape, peak, bandwidth), peak, bandwidth,
        ratios(records, "bound"), ratios(records, "unbound"), p10_ratios(records),
    )  # fmt: skip


def limit_seconds(shape: Shape, peak: float, bandwidth: float) -> float:
    """Return the larger of flops / peak and bytes / bandwidth."""
    return max(shape.flops / peak, shape.bytes_moved / bandwidth)


def ratios(records: Record, mode: str) -> dict[str, float]:
    """Return each peer's time by ours."""
    ours = records[OURS]["modes"].get(mode)
    return {
        peer: ratio(record["modes"][mode]["turns"], ours["turns"])
        for peer, record in records.items()
        if ours and peer != OURS and mode in record.get("modes", {})
    }


def p10_ratios(records: Record) -> dict[str, float]:
    """Return each peer's time by ours, of the tenth percentiles, both bound."""
    ours = records[OURS]["modes"]["bound"]["p10"]
    return {
        peer: record["modes"]["bound"]["p10"] / ours
        for peer, record in records.items()
        if peer != OURS and "bound" in record.get("modes", {})
    }


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """Return the median over the turns of their time by ours, for what disturbs both then cancels."""
    return statistics.median(their / our for their, our in zip(theirs, ours, strict=False))


def mean(ratios: Iterable[float]) -> float:
    """Return the geometric mean."""
    values = list(ratios)
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def among(name: str, patterns: Sequence[str]) -> bool:
    """Whether a name matches a pattern and none of those that begin with !."""
    inside = any(fnmatch.fnmatch(name, one) for one in patterns if not one.startswith("!"))
    return inside and not any(fnmatch.fnmatch(name, one[1:]) for one in patterns if one.startswith("!"))
