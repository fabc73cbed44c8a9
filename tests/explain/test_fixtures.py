"""The lesson's example and the fixtures F and G, every setting, against numbers worked out by hand."""

import itertools
from typing import Any

import numpy as np
import pytest

import convolve
from tests.explain.examples import EDGE, G_FILTER, LESSON, F, G, convolved, sent_back


def totals(explanation: Any) -> list[Any]:
    shape = explanation.output.shape
    return np.array([step.total for step in explanation.steps]).reshape(shape).tolist()


def test_the_lesson() -> None:
    explanation = convolve.explain(LESSON, EDGE)
    assert totals(explanation) == [[-4, 2, 4], [0, 0, 0], [0, 0, 0]]
    first = explanation.steps[0]
    assert first.window.tolist() == [[[1, 2, 3], [0, 1, 2], [1, 2, 1]]]
    assert first.products.tolist() == [[[1, 0, -3], [0, 0, -2], [1, 0, -1]]]
    assert first.sums == (-4,)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [[0, 30, 30]] * 3),
        ({"stride": 2}, [[0, 30]] * 2),
        (
            {"padding": 1},
            [[-20, 0, 20, 20, 0], *[[-30, 0, 30, 30, 0]] * 3, [-20, 0, 20, 20, 0]],
        ),
        ({"dilation": 2}, [[30]]),
        ({"flip": True}, [[0, -30, -30]] * 3),
    ],
)
def test_f(options: dict[str, Any], expected: list[list[int]]) -> None:
    explanation = convolve.explain(F, EDGE, **options)
    assert totals(explanation) == expected
    assert explanation.output.tolist() == expected


G_OPTIONS: dict[str, tuple[Any, str, Any]] = {
    "stride": ((2, 1), "stride", (2, 1)),
    "padding": (((1, 0), (0, 2)), "pads", ((1, 0), (0, 2))),
    "dilation": ((2, 1), "dilation", (2, 1)),
    "flip": (True, "flip", True),
}
SUBSETS = [some for count in range(5) for some in itertools.combinations(G_OPTIONS, count)]


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("names", SUBSETS, ids=lambda names: "+".join(names) or "plain")
def test_g_one_by_one_and_together(names: tuple[str, ...], transposed: bool) -> None:
    options = {name: G_OPTIONS[name][0] for name in names}
    by_hand = {G_OPTIONS[name][1]: G_OPTIONS[name][2] for name in names}
    oracle = sent_back if transposed else convolved
    expected = oracle(G[None], G_FILTER[None, None], **by_hand)[0]
    explanation = convolve.explain(G, G_FILTER, transposed=transposed, **options)
    assert totals(explanation) == expected.tolist()
    assert explanation.output.tolist() == expected.tolist()


def test_a_corner_of_g_in_literal_numbers() -> None:
    """image[0:2, 0:3] is 0 5 10 / 3 7 0: 2·0 − 5 + 0 + 3 + 3·7 − 2·0 = 19."""
    assert G[:2, :3].tolist() == [[0, 5, 10], [3, 7, 0]]
    assert convolve.explain(G, G_FILTER).steps[0].total == 19
