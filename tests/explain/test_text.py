"""The text: literal pictures, the five steps by name, brackets, and ASCII."""

import numpy as np
import pytest

import convolve
from convolve.errors import ArgumentError
from tests.explain.examples import EDGE, F

STEP = """\
Step 2/9 · output[0,1] · rows 0-2, columns 1-3
place: lay the filter on the input
  10[10 10  0] 0
  10[10 10  0] 0
  10[10 10  0] 0
  10 10 10  0  0
  10 10 10  0  0
multiply what meets, and sum
  10 10  0     1 0 -1     10 0 0
  10 10  0  ×  1 0 -1  =  10 0 0    Σ = 30
  10 10  0     1 0 -1     10 0 0
slide: next comes output[0,2], rows 0-2, columns 2-4
collect
   0[30] ·
   ·  ·  ·
   ·  ·  ·
size = ⌊(5 + 2·0 − 1·(3−1) − 1) / 1⌋ + 1 = 3
"""


def test_one_step_of_the_lesson() -> None:
    explanation = convolve.explain(F, EDGE)
    assert explanation.to_text((0, 1)) == STEP
    assert explanation.to_text(1) == STEP


def test_ascii() -> None:
    text = convolve.explain(F, EDGE, padding=1).to_text(3, ascii=True)
    assert text.isascii()
    assert "size = floor((5 + 2*1 - 1*(3-1) - 1) / 1) + 1 = 5" in text
    assert " x  1 0 -1  = " in text
    assert "sum = 20" in text


def test_the_overview_names_the_five_steps_and_shows_the_result() -> None:
    text = convolve.explain(F, EDGE).to_text()
    for name in ("place", "multiply", "sum", "slide", "collect"):
        assert name in text
    assert text.startswith("3×3 filter on a 5×5 image\n")
    assert "the whole output\n   0 30 30\n" in text


def test_all_steps() -> None:
    text = convolve.explain(F, EDGE).to_text(all=True)
    assert [f"Step {n}/9" in text for n in range(1, 10)] == [True] * 9
    assert text.count("Σ = 30") == 6


def test_dilated_windows_are_bracketed_cell_by_cell() -> None:
    assert " [1]2[3]4\n" in convolve.explain([[1, 2, 3, 4]], [[1, 1]], dilation=2).to_text(0)


def test_border_cells_are_marked() -> None:
    text = convolve.explain([[1, 2]], [[1, 1]], padding=((0, 0), (1, 0)), padding_mode="replicate").to_text(0)
    assert " [~1  1] 2\n  (~: the border, replicate)" in text
    assert "row 0, column 0, and the border" in text


def test_channels_bias_and_total() -> None:
    text = convolve.explain(
        np.array([[[1, 2]], [[3, 4]]]), np.array([[[[1, 1]], [[-1, -2]]]]), bias=[5]
    ).to_text()
    assert "total = 3 + (-11) + bias 5 = -3" in text


def test_transposed_holes() -> None:
    text = convolve.explain([[1, 2]], [[1, 1, 1]], stride=2, transposed=True).to_text((0, 2))
    assert "  · ·[1 · 2]· ·\n" in text
    assert "width = (2−1)·2 − 2·0 + 1·(3−1) + 1 = 5" in text


def test_formulas_of_two_different_dimensions() -> None:
    explanation = convolve.explain(np.ones((4, 5), int), np.ones((2, 3), int), padding=((1, 0), (2, 2)))
    assert explanation.size_formula == (
        "height = ⌊(4 + 1 + 0 − 1·(2−1) − 1) / 1⌋ + 1 = 4",
        "width = ⌊(5 + 2·2 − 1·(3−1) − 1) / 1⌋ + 1 = 7",
    )


def test_volumes_have_text() -> None:
    text = convolve.explain(np.arange(8).reshape(2, 2, 2), np.ones((2, 2, 2), int)).to_text()
    assert "depths 0-1, rows 0-1, columns 0-1" in text
    assert "total = 6 + 22 = 28" in text


def test_all_steps_of_a_photograph_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"choose one pixel.*crop the image"):
        convolve.explain(np.zeros((300, 300)), EDGE).to_text(all=True)
