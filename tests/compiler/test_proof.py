"""Proofs: whatever is proved holds for every assignment that fulfils the facts."""

import random
from itertools import product

import pytest

from convolve.compiler.affine import Affine
from convolve.compiler.proof import Facts

NAMES = ("a", "b", "c")
A, B, C = map(Affine.symbol, NAMES)
RANGE = range(-6, 7)
SITUATIONS = 60


def facts(*pairs: tuple[Affine, Affine | int], names: tuple[str, ...] = NAMES) -> Facts:
    known = Facts()
    for name in names:
        known.bind(name)
    for greater, lesser in pairs:
        known.add(greater, lesser)
    return known


def random_expression(draw: random.Random) -> Affine:
    terms = (Affine.symbol(name) * draw.choice([0, 0, -1, 1, 2, -3]) for name in NAMES)
    return sum(terms, Affine.of(draw.randint(-4, 6)))


def test_what_is_proved_holds(seed: int) -> None:
    """Try all small values of the symbols against what was proved from random facts."""
    draw, proved = random.Random(seed), 0
    for _ in range(SITUATIONS):
        known = [random_expression(draw) for _ in range(5)]
        kind = draw.choice(["min", "max"])
        choices = [random_expression(draw) for _ in range(2)]
        situation = facts(*((fact, 0) for fact in known))
        situation.bind("e")
        situation.add_extremum("e", kind, choices)  # type: ignore[arg-type]
        about_e = Affine.symbol("e") * draw.choice([-1, 1]) + draw.randint(-2, 2)
        situation.add(about_e, 0)
        goals = [random_expression(draw) + Affine.symbol("e") * draw.choice([0, 1, -1]) for _ in range(30)]
        goals = [goal for goal in goals if situation.prove(goal, 0)]
        proved += len(goals)
        for values in product(RANGE, repeat=len(NAMES)):
            here = dict(zip(NAMES, values, strict=True))
            numbers = [choice.value(here) for choice in choices]
            here["e"] = min(numbers) if kind == "min" else max(numbers)
            if all(fact.value(here) >= 0 for fact in (*known, about_e)):
                assert all(goal.value(here) >= 0 for goal in goals), (known, kind, choices, about_e, here)
    assert proved > SITUATIONS / 4


def test_symbols_are_removed_innermost_first() -> None:
    known = facts((A, 1), (B, A), (C, B))
    assert known.prove(C, 1)
    assert known.prove(C + B, A + 1)
    assert not known.prove(A, C)


def test_whole_numbers_lie_apart() -> None:
    assert facts((A * 2, 1)).prove(A, 1)
    assert not facts((A * 2, 0)).prove(A, 1)
    known = facts((A, 0), (B * 3 + 2, A))  # b is at least a / 3, less two thirds
    assert known.prove(B, 0)
    assert known.prove(B * 3 + 2, A)
    assert not known.prove(B * 3 + 1, A)


def test_a_constant_proves_itself() -> None:
    assert facts().prove(Affine.of(0), 0)
    assert not facts().prove(Affine.of(0), 1)
    assert not facts().prove(A, 0)


def test_forgetting() -> None:
    known = facts((A, 0))
    mark = known.mark()
    known.add(B, 0)
    known.bind("d")
    known.add(Affine.symbol("d"), B)
    assert known.prove(B, 0)
    assert known.prove(Affine.symbol("d"), 0)
    known.forget(mark)
    assert "d" not in known
    assert known.prove(A, 0)
    assert not known.prove(B, 0)
    known.add(B, 5)
    assert known.prove(B, 5)


def test_what_failed_is_tried_again_with_a_new_fact() -> None:
    known = facts((C, B))
    assert not known.prove(C, 0)
    known.add(B, 0)
    assert known.prove(C, 0)


@pytest.mark.parametrize("kind", ["min", "max"])
def test_extrema(kind: str) -> None:
    known = facts((A, 1), (B, A + 3), names=("a", "b"))
    known.bind("e")
    known.add_extremum("e", kind, [A + 5, B + 1])  # type: ignore[arg-type]
    e = Affine.symbol("e")
    assert known.prove(e, A + 4)
    assert known.prove(e, A + 5) is (kind == "max")
    assert known.prove(B + 1, e) is (kind == "min")
    assert known.prove(B + 2, e)
    assert not known.prove(A + 4, e)


def test_a_limit_of_an_extremum_limits_its_choices() -> None:
    for kind, sign in (("min", 1), ("max", -1)):
        known = facts()
        known.bind("e")
        known.add_extremum("e", kind, [A, B])  # type: ignore[arg-type]
        known.add(Affine.symbol("e") * sign, 7)
        assert known.prove(A * sign, 7)
        assert known.prove(B * sign, 7)
        assert not known.prove(B * sign, 8)
