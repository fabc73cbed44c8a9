"""Proofs by plain linear reasoning: that an expression is never negative for any values that facts allow.

Facts are expressions known to be never negative. A goal ``goal >= 0`` is proved by removing its symbols one
after another, the innermost first: a symbol that counts positively in the goal is replaced by something that
bounds it from below, one that counts negatively by something that bounds it from above. What remains in the
end is a number. Every symbol is bounded by expressions of symbols further out, so the search always ends.
What only follows from two facts together, such as ``start < stop`` inside a loop, must be added as a fact.

All symbols are whole numbers, which is used twice: ``2·x - 1 >= 0`` becomes ``x - 1 >= 0``; and a goal that
had to be doubled to remove a symbol may end at -1, because no whole number lies between -1/2 and 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from convolve.compiler.affine import Affine, Index

Linear = dict[int, int]
"""The place of a symbol in the order of binding -> its multiple; place 0 holds the constant."""

Goal = frozenset[tuple[int, int]]
"""A linear expression as a key."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What was known at one moment: symbols, and how many facts and proofs."""

    places: dict[str, int]
    facts: int
    proved: int


class Facts:
    """What is known at one place of a loop nest: symbols, in the order of binding, and facts about them.

    Examples
    --------
    >>> facts = Facts()
    >>> for name in ("width", "x"):
    ...     facts.bind(name)
    >>> width, x = Affine.symbol("width"), Affine.symbol("x")
    >>> facts.add(x, 0)
    >>> facts.add(width, x + 8)
    >>> facts.prove(width, x + 8), facts.prove(width, x + 9)
    (True, False)
    """

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._bound = 0
        self._bounds: dict[int, tuple[list[Linear], list[Linear]]] = {}
        self._extrema: dict[int, tuple[str, list[Linear]]] = {}
        self._added: list[tuple[int, list[Linear]]] = []
        self._proved: list[tuple[int, Goal]] = []
        self._known: set[Goal] = set()
        self._failed: set[Goal] = set()

    # -- what is known -------------------------------------------------------------------------------

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def bind(self, name: str) -> None:
        """Make a symbol known; it is innermost now."""
        self._bound += 1
        self._places[name] = self._bound
        self._bounds[self._bound] = ([], [])

    def mark(self) -> Mark:
        """Return what `forget` needs to come back to what is known now."""
        return Mark(dict(self._places), len(self._added), len(self._proved))

    def forget(self, mark: Mark) -> None:
        """Forget all symbols and facts since a mark, and the proofs that may rest on them."""
        self._places = mark.places
        forgotten = self._added[mark.facts :]
        for _, bounds in forgotten:
            bounds.pop()
        del self._added[mark.facts :]
        # A proof uses facts whose innermost symbol is that of its goal, or one further out.
        first = min((place for place, _ in forgotten), default=self._bound + 1)
        proved = self._proved[mark.proved :]
        self._known.difference_update(goal for place, goal in proved if place >= first)
        self._proved[mark.proved :] = [one for one in proved if one[0] < first]

    def add(self, greater: Affine, lesser: Index) -> None:
        """Learn that one expression is never below another."""
        self._add(_reduced(self._difference(greater, lesser)))

    def add_extremum(self, name: str, kind: Literal["min", "max"], choices: Sequence[Affine]) -> None:
        """Learn that a symbol is the smallest or the largest of some expressions."""
        place, symbol = self._places[name], Affine.symbol(name)
        self._extrema[place] = (kind, [self._difference(choice, 0) for choice in choices])
        for choice in choices:
            self.add(*((choice, symbol) if kind == "min" else (symbol, choice)))

    def _add(self, fact: Linear) -> None:
        place = max(fact)
        if place == 0:
            return
        if place < self._bound:
            self._failed.clear()
        bounds = self._bounds[place][0 if fact[place] > 0 else 1]
        bounds.append(fact)
        self._added.append((place, bounds))
        for choice in self._choices(place, above=fact[place] > 0):
            # min(a, b) + c >= 0 says a + c >= 0 and b + c >= 0.
            self._add(_reduced(_replaced(fact, place, choice)))

    def _choices(self, place: int, above: bool) -> list[Linear]:
        """Return the choices of an extremum that are all above (or below) whatever it is above (or below)."""
        kind, choices = self._extrema.get(place, ("", []))
        return choices if kind == ("min" if above else "max") else []

    def _difference(self, greater: Affine, lesser: Index) -> Linear:
        """Return an expression less another by the places of their symbols."""
        places = self._places
        linear = {places[name]: count for name, count in greater.terms}
        linear[0] = greater.constant
        if isinstance(lesser, int):
            linear[0] -= lesser
            return linear
        linear[0] -= lesser.constant
        for name, count in lesser.terms:
            _increase(linear, places[name], -count)
        return linear

    # -- proofs --------------------------------------------------------------------------------------

    def prove(self, greater: Affine, lesser: Index) -> bool:
        """Return whether one expression is shown to be never below another."""
        return self._prove(self._difference(greater, lesser))

    def _prove(self, goal: Linear) -> bool:
        place = max(goal)
        if place == 0:
            return goal[0] >= 0
        goal = _reduced(goal)
        key = frozenset(goal.items())
        if key in self._known:
            return True
        if key in self._failed:
            return False
        if self._by_bounds(goal, place) or self._by_cases(goal, place):
            self._known.add(key)
            self._proved.append((place, key))
            return True
        self._failed.add(key)
        return False

    def _by_bounds(self, goal: Linear, place: int) -> bool:
        """Remove the innermost symbol by a fact that bounds it."""
        lower, upper = self._bounds[place]
        return any(self._prove(_without(goal, fact, place)) for fact in (lower if goal[place] > 0 else upper))

    def _by_cases(self, goal: Linear, place: int) -> bool:
        """Remove the innermost symbol, an extremum, by showing the goal for each of its choices."""
        choices = self._choices(place, above=goal[place] > 0)
        return bool(choices) and all(self._prove(_replaced(goal, place, choice)) for choice in choices)


def _increase(linear: Linear, symbol: int, count: int) -> None:
    """Add to the multiple of a symbol; one that is zero is left out, except for the constant."""
    total = linear.get(symbol, 0) + count
    if total or not symbol:
        linear[symbol] = total
    else:
        linear.pop(symbol, None)


def _without(goal: Linear, fact: Linear, place: int) -> Linear:
    """Return what is left to prove of a goal once a fact has removed a symbol from it."""
    have, need = abs(fact[place]), abs(goal[place])
    common = math.gcd(have, need)
    times, minus = have // common, need // common
    rest = dict(goal) if times == 1 else {symbol: times * count for symbol, count in goal.items()}
    rest[0] += times - 1  # times·goal > -times is enough, since the goal is a whole number
    for symbol, count in fact.items():
        _increase(rest, symbol, -minus * count)
    return rest


def _replaced(linear: Linear, place: int, by: Linear) -> Linear:
    """Return an expression with a symbol replaced."""
    rest = dict(linear)
    times = rest.pop(place)
    for symbol, count in by.items():
        _increase(rest, symbol, times * count)
    return rest


def _reduced(linear: Linear) -> Linear:
    """Divide by what all multiples have in common; the constant is rounded down, as whole numbers allow."""
    common = 0
    for symbol, count in linear.items():
        if symbol:
            common = math.gcd(common, count)
            if common == 1:
                return linear
    return {symbol: count // common for symbol, count in linear.items()} if common else linear
