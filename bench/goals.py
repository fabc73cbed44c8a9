"""Judges a run by goals.toml: each goal met, missed, or not measured in this run."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import Figure, Record, among, mean

FILE = Path(__file__).parent / "goals.toml"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a goal; ``value`` is None where it was not measured, ``where`` names the worst case."""

    text: str
    wanted: str
    value: float | None
    met: bool
    where: str

    def __str__(self) -> str:
        if self.value is None:
            return f"NOT MEASURED  {self.text}: {self.wanted}"
        word = "met   " if self.met else "MISSED"
        return f"{word}  {self.text}: {self.wanted}, is {self.value:.3g}{self.where and f' ({self.where})'}"


def read() -> Record:
    """Return the goals and the groups of shapes."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def verdicts(result: Record, figures: Sequence[Figure], goals: Record) -> list[Verdict]:
    """Judge all goals."""
    return [verdict(goal, list(_values(goal, result, figures, goals["groups"]))) for goal in goals["goals"]]


def verdict(goal: Record, values: Sequence[tuple[str, float]]) -> Verdict:
    """Judge a goal by its values, each with the name of what it was measured on."""
    lower = "at_least" in goal
    bound = float(goal["at_least"] if lower else goal["at_most"])
    wanted = f"{'≥' if lower else '≤'} {bound:g}"
    if not values:
        return Verdict(goal["text"], wanted, None, False, "")
    if goal["over"] == "mean":
        value, where = mean(number for _, number in values), f"over {len(values)}"
    else:
        pick = min if goal["over"] == "min" else max
        where, value = pick(values, key=lambda pair: pair[1])
    return Verdict(goal["text"], wanted, value, value >= bound if lower else value <= bound, where)


def _values(
    goal: Record, result: Record, figures: Sequence[Figure], groups: Record
) -> Iterator[tuple[str, float]]:
    if goal.get("target", result["target"]) != result["target"]:
        return
    measure = goal["measure"]
    if measure == "import":
        if "import_ratio" in result:
            yield "", result["import_ratio"]
    elif measure in ("cold", "cached"):
        for name, times in result.get("first_calls", {}).items():
            yield name, 1e3 * times[measure]
    else:
        chosen = goal["shapes"]
        patterns = groups[chosen] if isinstance(chosen, str) else chosen
        inside = [one for one in figures if among(one.shape.name, patterns)]
        yield from _speedups(inside) if measure == "speedup" else _each(goal, inside)


def _each(goal: Record, figures: Sequence[Figure]) -> Iterator[tuple[str, float]]:
    threads = goal.get("threads")
    for one in figures:
        value = _value(goal, one)
        if value is not None and threads in (None, one.threads):
            yield f"{one.shape.name}, {one.threads} thread{'s' * (one.threads > 1)}", value


def _value(goal: Record, figure: Figure) -> float | None:
    if goal["measure"] == "call":
        by_peer: dict[str, Any] = getattr(figure, goal["mode"])
        return 1 / by_peer["torch"] if "torch" in by_peer else None
    if goal["measure"] == "ratio":
        return figure.bound.get(goal["peer"]) if "peer" in goal else figure.ratio
    value: float = getattr(figure, goal["measure"])
    return value


def _speedups(figures: Sequence[Figure]) -> Iterator[tuple[str, float]]:
    times = {(one.shape.name, one.threads): one.seconds for one in figures}
    for (name, threads), seconds in times.items():
        if threads == 2 and (name, 1) in times:
            yield name, times[name, 1] / seconds
