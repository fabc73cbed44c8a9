"""Ratios, limits, means and goals are computed and printed as they are meant."""

from typing import Any

import pytest

from bench import figures, goals, report
from bench.figures import Figure

NAME = "resnet50.res2.3x3"
FLOPS = 231_211_008


def mode(seconds: float) -> dict[str, Any]:
    return {"median": seconds, "p10": seconds, "first": seconds, "turns": [seconds] * 3, "variant": "only"}


def records(ours: float, **peers: float) -> dict[str, Any]:
    own = {"modes": {"out": mode(ours), "bound": mode(ours), "unbound": mode(2 * ours)}, "tried": []}
    others = {
        name: {"modes": {"bound": mode(time), "unbound": mode(time)}, "tried": []}
        for name, time in peers.items()
    }
    return {"ours": own, **others}


def result(one: dict[str, Any], two: dict[str, Any] | None = None) -> dict[str, Any]:
    limits = {"flops_per_second": 100e9, "bytes_per_second": 10e9}
    by_threads = {"1": one} if two is None else {"1": one, "2": two}
    return {
        "date": "2026-11-23", "cpu": "a CPU", "target": "avx2", "avx2": False, "tolerance": 1e-4,
        "skipped": {}, "versions": {"ours": "1", "torch": "2"}, "limits": {"1": limits, "2": limits},
        "shapes": {NAME: by_threads},
    }  # fmt: skip


def only(made: dict[str, Any]) -> Figure:
    (figure,) = figures.figures(made)
    return figure


def test_rates_and_shares() -> None:
    figure = only(result(records(FLOPS / 50e9, torch=1.0)))
    assert figure.rate == pytest.approx(50e9)
    assert figure.percent_of_peak == pytest.approx(50)
    assert figure.percent_of_limit == pytest.approx(50)


def test_the_limit_is_the_larger_of_work_and_bytes() -> None:
    shape = figures.SHAPES[NAME]
    assert figures.limit_seconds(shape, 1e9, 1e15) == shape.flops / 1e9
    assert figures.limit_seconds(shape, 1e15, 1e9) == shape.bytes_moved / 1e9


def test_the_best_peer_counts() -> None:
    figure = only(result(records(1.0, torch=3.0, jax=2.0)))
    assert (figure.best_peer, figure.ratio, figure.unbound_ratio) == ("jax", 2.0, 1.0)


def test_a_ratio_pairs_the_turns() -> None:
    # The second turn of both was disturbed alike, the third of theirs alone.
    assert figures.ratio([2.0, 20.0, 9.0, 2.0], [1.0, 10.0, 1.0, 1.0]) == 2.0
    assert figures.ratio([3.0], [1.0, 9.0]) == 3.0


def test_the_mean_is_geometric() -> None:
    assert figures.mean([0.5, 2.0, 8.0]) == pytest.approx(2.0)


def test_patterns_with_exceptions() -> None:
    assert figures.among("image.4k.k3", ["*", "!image.4k.box*"])
    assert not figures.among("image.4k.box63", ["*", "!image.4k.box*"])


def test_losing_is_said_in_the_line() -> None:
    assert report.line(only(result(records(2.0, torch=1.0)))).endswith("LOSES")
    assert "LOSES" not in report.line(only(result(records(1.0, torch=2.0))))
    assert "none" in report.line(only(result(records(1.0))))


def test_a_wrong_peer_and_a_skipped_shape_are_named() -> None:
    made = result(records(1.0, torch=2.0))
    made["shapes"][NAME]["1"]["torch"]["tried"] = [{"name": "frozen", "error": 0.5}]
    made["skipped"]["grad.input"] = "not compiled yet"
    assert report.left_out(made) == [
        "grad.input: skipped: not compiled yet",
        f"{NAME}, 1: torch, frozen: WRONG, error 5.0e-01",
    ]


@pytest.mark.parametrize(
    ("bound", "values", "printed"),
    [
        ({"at_least": 2, "over": "min"}, [("a", 3.0), ("b", 2.0)], "met     it: ≥ 2, is 2 (b)"),
        ({"at_least": 2, "over": "min"}, [("a", 3.0), ("b", 1.9)], "MISSED  it: ≥ 2, is 1.9 (b)"),
        ({"at_most": 2, "over": "max"}, [("a", 3.0), ("b", 1.9)], "MISSED  it: ≤ 2, is 3 (a)"),
        ({"at_least": 2, "over": "mean"}, [("a", 1.0), ("b", 4.0)], "met     it: ≥ 2, is 2 (over 2)"),
        ({"at_least": 2, "over": "min"}, [], "NOT MEASURED  it: ≥ 2"),
    ],
)
def test_goals_are_printed_met_or_missed(
    bound: dict[str, Any], values: list[tuple[str, float]], printed: str
) -> None:
    assert str(goals.verdict({"text": "it", **bound}, values)) == printed


def test_the_goals_file_names_what_there_is() -> None:
    read = goals.read()
    for goal in read["goals"]:
        chosen = goal.get("shapes", [])
        patterns = read["groups"][chosen] if isinstance(chosen, str) else chosen
        assert not patterns or any(figures.among(name, patterns) for name in figures.SHAPES)
        assert ("at_least" in goal) != ("at_most" in goal)
    made = result(records(1.0, torch=2.0), records(0.5, torch=2.0))
    assert len(goals.verdicts(made, figures.figures(made), read)) == len(read["goals"])


def test_the_speed_of_two_threads_is_that_beside_one() -> None:
    made = result(records(1.0, torch=2.0), records(0.5, torch=2.0))
    goal = {"text": "it", "measure": "speedup", "shapes": ["*"], "over": "min", "at_least": 1.85}
    (verdict,) = goals.verdicts(made, figures.figures(made), {"goals": [goal], "groups": {}})
    assert (verdict.value, verdict.met) == (2.0, True)


def test_a_goal_for_another_cpu_is_not_judged_here() -> None:
    made = result(records(1.0, torch=2.0))
    goal = {
        "text": "it",
        "measure": "ratio",
        "shapes": ["*"],
        "over": "mean",
        "at_least": 1,
        "target": "neon",
    }
    (verdict,) = goals.verdicts(made, figures.figures(made), {"goals": [goal], "groups": {}})
    assert verdict.value is None
