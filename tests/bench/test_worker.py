"""A worker refuses wrong results, takes the fastest right way, and keeps a turn's first call apart."""

import itertools

import numpy as np
import pytest

from bench import runner, worker
from bench.shapes import load
from bench.variant import PLAIN, Variant, same
from bench.worker import choose, relative_error, try_out


def test_relative_error() -> None:
    expected = np.array([3.0, 4.0], "f")
    assert relative_error(expected, expected) == 0
    assert relative_error(expected + np.array([0.0, 0.5], "f"), expected) == pytest.approx(0.1)
    assert relative_error(expected[None], expected) == float("inf")
    assert relative_error(np.array([np.nan, 4.0], "f"), expected) == float("inf")


def test_a_wrong_result_is_not_timed_however_fast() -> None:
    tried = [
        {"mode": "bound", "name": "wrong", "seconds": 1.0, "error": 0.1},
        {"mode": "bound", "name": "slow", "seconds": 3.0, "error": 1e-7},
        {"mode": PLAIN, "name": "plain", "seconds": 2.0, "error": 1e-7},
    ]
    assert choose(tried) == {"bound": 2, "unbound": 2}
    assert choose(tried[:1]) == {}


def test_trying_tells_the_error() -> None:
    ones = np.ones(3, "f")
    assert try_out(Variant("bound", "ones", lambda: ones, same), ones)["error"] == 0
    assert try_out(Variant("bound", "ones", lambda: ones, same), 2 * ones)["error"] == pytest.approx(0.5)


def test_a_turn_keeps_its_first_call_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([5.0, 1.0, 2.0, 3.0, 4.0])
    monkeypatch.setattr(worker, "_timed", lambda _: next(times))
    monkeypatch.setattr(worker, "SLOW", 10.0)
    assert worker.turn(lambda: None, 9.0) == (5.0, [1.0, 2.0, 3.0])


def test_a_slow_call_is_its_whole_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_timed", lambda _: 5.0)
    assert worker.turn(lambda: None) == (5.0, [5.0])


def test_summary() -> None:
    figures = runner.summary([9.0, 7.0], [[1.0, 3.0], [2.0]])
    assert figures == {"median": 2.0, "p10": 1.0, "first": 8.0, "calls": 3, "turns": [2.0, 2.0]}


def test_who_is_hopeless_is_judged_among_the_others() -> None:
    def record(seconds: float) -> dict[str, object]:
        return {"tried": [{"seconds": seconds}], "chosen": {"bound": 0}}

    records = {"ours": record(0.1), "torch": record(1.0), "scipy": record(5.1), "jax": {"failed": "…"}}
    assert runner.hopeless(records) == {"scipy": {0}}


def test_the_largest_filters_are_for_image_libraries() -> None:
    box = next(one for one in load() if one.name == "image.4k.box63")
    asked = [peer for peer in ("ours", "torch", "opencv") if runner.is_worth_it(peer, box)]
    assert asked == ["ours", "opencv"]


def test_a_process_answers_and_is_checked_against_ours() -> None:
    shape = next(one for one in load("overhead.csv") if one.name == "overhead.bound")
    with runner.processes(["ours", "opencv"], 1, False) as started:
        records = runner.measure(shape, started, 1)
        other = next(one for one in load() if one.kind == "weight_grad")
        skipped = runner.measure(other, started, 1)
    modes = records["ours"]["modes"]
    assert set(modes) == {"out", "bound", "unbound"}
    assert all(record["median"] > 0 for record in modes.values())
    assert "skipped" in skipped["opencv"]


def test_a_turn_ends_when_its_threads_are_asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter([0.0, 0.005, 0.005, 0.01, 0.01, 0.01])  # two rests of a spinning thread, then a quiet one
    rests: list[float] = []
    monkeypatch.setattr(worker.time, "process_time", lambda: next(used))
    monkeypatch.setattr(worker.time, "sleep", rests.append)
    worker.fall_asleep()
    assert len(rests) == 3


def test_threads_that_never_sleep_spoil_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker.time, "process_time", itertools.count().__next__)
    monkeypatch.setattr(worker, "MOST_SPINNING", 0.01)
    with pytest.raises(RuntimeError, match="still ran"):
        worker.fall_asleep()
