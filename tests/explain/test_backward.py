"""The backward view: feeds and coverage are what the steps say when they are read the other way round."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.explain.board import board
from tests.explain.examples import EDGE, G_FILTER, LESSON, F, G

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "strided": {"stride": (2, 1)},
    "padded": {"padding": ((1, 0), (0, 2))},
    "dilated": {"dilation": (2, 1)},
    "flipped": {"flip": True},
    "mirrored": {"padding": 2, "padding_mode": "symmetric"},
    "all": {"stride": 2, "padding": 3, "padding_mode": "circular", "dilation": 2, "flip": True},
    "transposed": {"transposed": True, "stride": 2, "padding": 1},
    "transposed, folded": {"transposed": True, "stride": 2, "padding": 1, "padding_mode": "reflect"},
}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_feeds_is_the_inverse_of_the_steps(options: dict[str, Any]) -> None:
    explanation = convolve.explain(G, G_FILTER, **options)
    met: Counter[Any] = Counter()
    for step in explanation.steps:
        for r, row in enumerate(step.reads[0]):
            for c, column in enumerate(step.reads[1]):
                if row is not None and column is not None:
                    met[row, column, step.index, int(step.weights[0, r, c])] += 1
    fed = Counter(
        (row, column, feed.index, feed.weight)
        for row in range(6)
        for column in range(7)
        for feed in explanation.feeds((row, column))
    )
    assert fed == met


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_feeds_give_the_weight_as_the_caller_wrote_it(options: dict[str, Any]) -> None:
    explanation = convolve.explain(G, G_FILTER, **options)
    for feed in explanation.feeds((2, 3)):
        assert feed.weight == G_FILTER[feed.tap]


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_changing_a_cell_changes_exactly_what_it_feeds(options: dict[str, Any]) -> None:
    changed = G.copy()
    changed[2, 3] += 1
    before, after = convolve.explain(G, G_FILTER, **options), convolve.explain(changed, G_FILTER, **options)
    expected = np.zeros_like(before.output)
    for feed in before.feeds((2, 3)):
        expected[feed.index[1:]] += feed.weight
    assert (after.output - before.output).tolist() == expected.tolist()


def test_coverage_of_the_lesson_in_literal_numbers() -> None:
    expected = [[1, 2, 3, 2, 1], [2, 4, 6, 4, 2], [3, 6, 9, 6, 3], [2, 4, 6, 4, 2], [1, 2, 3, 2, 1]]
    assert convolve.explain(LESSON, EDGE).coverage.tolist() == expected


def test_the_middle_cell_feeds_nine_outputs() -> None:
    assert len(convolve.explain(F, EDGE).feeds((2, 2))) == 9


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_coverage_counts_feeds(options: dict[str, Any]) -> None:
    explanation = convolve.explain(G, G_FILTER, **options)
    counts = [[len(explanation.feeds((row, column))) for column in range(7)] for row in range(6)]
    assert explanation.coverage.tolist() == counts


def test_a_column_that_is_never_read() -> None:
    explanation = convolve.explain(np.ones((5, 5), int), np.ones((2, 2), int), stride=2)
    assert explanation.coverage[:, 4].tolist() == [0] * 5
    assert explanation.feeds((0, 4)) == ()


def test_groups_feed_their_own_outputs() -> None:
    weight = np.arange(16).reshape(4, 1, 2, 2)
    explanation = convolve.explain(np.ones((2, 3, 3), int), weight, groups=2)
    assert {feed.index[0] for feed in explanation.feeds((1, 1, 1))} == {2, 3}
    assert explanation.feeds((1, 0, 0))[0].weight == 8


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_the_board_shows_under_the_window_what_the_step_reads(options: dict[str, Any]) -> None:
    explanation = convolve.explain(G, G_FILTER, **options)
    lines = board(explanation.call.spec)
    for step in explanation.steps:
        for whole, line in zip(lines, step.lines, strict=True):
            assert min(line.positions) >= whole.first
            assert tuple(whole.cells[at - whole.first] for at in line.positions) == line.cells
