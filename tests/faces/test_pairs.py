"""Rates of pairs: as scikit-learn has them, and none that too few pairs would have to carry."""

import numpy as np
import pytest

from convolve import faces
from convolve.errors import ArgumentError, FileFormatError, ShapeError
from tests import seeds
from tests.peers import peer


def drawn(purpose: int, same: int = 400, different: int = 3000, digits: int = 2) -> faces.Pairs:
    """Return pairs with many equal similarities."""
    random = seeds.generator(purpose)
    return faces.Pairs(
        random.normal(0.5, 0.2, same).clip(-1, 1).round(digits),
        random.normal(0.1, 0.2, different).clip(-1, 1).round(digits),
        people=9,
        pictures=99,
    )


def both(pairs: faces.Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and similarities, as scikit-learn takes them."""
    labels = np.repeat([1, 0], [len(pairs.same), len(pairs.different)])
    return labels, np.concatenate([pairs.same, pairs.different])


@pytest.mark.parametrize("purpose", range(5))
def test_the_curve_is_that_of_scikit_learn(purpose: int) -> None:
    metrics, pairs = peer("sklearn.metrics"), drawn(purpose)
    far, tar, thresholds = metrics.roc_curve(*both(pairs), drop_intermediate=False)
    np.testing.assert_allclose(pairs.roc.far, far, atol=1e-12)
    np.testing.assert_allclose(pairs.roc.tar, tar, atol=1e-12)
    np.testing.assert_array_equal(pairs.roc.thresholds, thresholds)
    assert pairs.roc.area == pytest.approx(metrics.roc_auc_score(*both(pairs)), abs=1e-12)


@pytest.mark.parametrize("purpose", range(5))
def test_equal_errors_lie_where_lines_through_scikit_learns_points_meet(purpose: int) -> None:
    metrics, pairs = peer("sklearn.metrics"), drawn(purpose)
    far, tar, _ = metrics.roc_curve(*both(pairs), drop_intermediate=False)
    fine = np.linspace(0, 1, 200_001)
    gap = np.abs(np.interp(fine, far, tar) - (1 - fine))
    assert pairs.eer == pytest.approx(fine[gap.argmin()], abs=2e-5)


@pytest.mark.parametrize("far", [0.5, 0.1, 0.05, 0.01])
def test_true_accepts_are_the_best_that_the_curve_has(far: float) -> None:
    metrics, pairs = peer("sklearn.metrics"), drawn(7)
    fars, tars, _ = metrics.roc_curve(*both(pairs), drop_intermediate=False)
    assert pairs.tar_at(far) == tars[fars <= far].max()
    assert (pairs.different >= pairs.threshold(far).value).mean() <= far


def test_rates_that_too_few_pairs_would_carry_are_refused() -> None:
    pairs = drawn(1, different=2999)
    with pytest.raises(ArgumentError, match="must rest on 3000 pairs of two people .* and there are 2999"):
        pairs.tar_at(0.01)
    assert "0.01    not told: it takes 3000 pairs" in str(pairs)
    assert pairs.as_json()["true accepts at false accepts"]["0.01"] is None
    assert drawn(1, different=3000).tar_at(0.01) > 0
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        pairs.tar_at(0.0)


def test_thresholds_say_where_they_came_from() -> None:
    pairs = drawn(2)
    limit = pairs.threshold(0.1)
    assert "false accepts at most 0.1" in limit.origin
    assert "3000 pairs of two people and 400 of one (99 pictures of 9 people)" in limit.origin
    assert faces.Threshold.from_json(limit.as_json()) == limit
    assert pairs.threshold().origin.startswith(f"equal errors, {pairs.eer:.2%}")
    for wrong in (None, {}, {"value": "0.3", "origin": "x"}, {"value": 5.0, "origin": "x"}):
        with pytest.raises((ArgumentError, FileFormatError, TypeError)):
            faces.Threshold.from_json(wrong)


def test_all_pairs_of_embeddings() -> None:
    embeddings = np.array([[1, 0], [0.6, 0.8], [0, 1], [0, -1]])
    pairs = faces.Pairs.of(embeddings, ["a", "a", "b", "b"])
    assert pairs.same.tolist() == [-1, 0.6]
    np.testing.assert_allclose(pairs.different, [-0.8, 0, 0, 0.8])
    with pytest.raises(ArgumentError, match="pairs of one person"):
        faces.Pairs.of(embeddings, ["a", "b", "c", "d"])
    with pytest.raises(ShapeError, match="a person for each"):
        faces.Pairs.of(embeddings, ["a"])
    with pytest.raises(ArgumentError, match="finite"):
        faces.Pairs([0.3, np.nan], [0.1], 1, 1)


def test_perfect_and_opposite_answers() -> None:
    assert faces.Pairs([0.9, 0.8], [0.1, 0.2], 2, 4).eer == 0
    assert faces.Pairs([0.1, 0.2], [0.9, 0.8], 2, 4).eer == 1


def test_the_curve_is_drawn() -> None:
    peer("matplotlib")
    axes = drawn(3).plot()
    assert axes.get_xscale() == "log" and axes.get_xlabel() == "false accepts"
