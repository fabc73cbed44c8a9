"""Confusion matrices, top-k, calibration and losses beside scikit-learn's, and what is refused."""

import json
from typing import Any

import numpy as np
import pytest

from convolve import nn
from convolve.errors import ArgumentError, DTypeError, ShapeError
from tests.peers import peer

RANDOM = np.random.default_rng(7)


def answers(images: int = 500, classes: int = 6, sharpness: float = 2.0) -> tuple[Any, Any]:
    """Return probabilities and the classes that were drawn with others, so that they are wrong at times."""
    scores = RANDOM.normal(size=(images, classes))
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    targets = np.array([RANDOM.choice(classes, p=row) for row in shares])
    said = np.exp(sharpness * scores)
    return said / said.sum(axis=1, keepdims=True), targets


def test_counts_are_as_scikit_learn_has_them() -> None:
    metrics = peer("sklearn.metrics")
    shares, targets = answers()
    said = shares.argmax(axis=1)
    matrix = nn.confusion_matrix(targets, said)
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(targets, said))
    precision, recall, f1, images = metrics.precision_recall_fscore_support(targets, said)
    found = nn.per_class(matrix)
    for ours, theirs in zip((found.precision, found.recall, found.f1), (precision, recall, f1), strict=True):
        np.testing.assert_allclose(ours, theirs)
    np.testing.assert_array_equal(found.images, images)
    for k in (1, 2, 5):
        theirs = metrics.top_k_accuracy_score(targets, shares, k=k)
        assert nn.top_k_accuracy(shares, targets, k) == pytest.approx(theirs)
    assert nn.top_k_accuracy(shares, targets, 9) == 1


@pytest.mark.parametrize(("right", "images"), [(0, 7), (7, 7), (1, 1), (93, 100), (294, 315)])
def test_intervals_are_as_scipy_has_them(right: int, images: int) -> None:
    theirs = peer("scipy.stats").binomtest(right, images).proportion_ci(0.95, "wilson")
    shares = np.tile([[0.9, 0.1]], (images, 1))
    found = nn.scores(shares, (np.arange(images) >= right).astype(int))
    assert found.interval == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_losses_are_as_scikit_learn_has_them() -> None:
    metrics = peer("sklearn.metrics")
    shares, targets = answers()
    assert nn.log_loss(shares, targets) == pytest.approx(metrics.log_loss(targets, shares))
    truth = np.eye(6)[targets]
    theirs = sum(np.mean((truth[:, k] - shares[:, k]) ** 2) for k in range(6))
    assert nn.brier_score(shares, targets) == pytest.approx(theirs)
    yes = metrics.brier_score_loss(targets == 0, shares[:, 0])
    two = np.stack([shares[:, 0], 1 - shares[:, 0]], axis=1)
    assert nn.brier_score(two, (targets != 0).astype(int)) == pytest.approx(2 * yes)
    sure = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert nn.log_loss(sure, [0, 1]) == pytest.approx(metrics.log_loss([0, 1], sure))


@pytest.mark.parametrize("bins", [1, 7, 15])
def test_reliability_is_as_scikit_learn_has_it(bins: int) -> None:
    shares, targets = answers()
    found = nn.calibration(shares, targets, bins)
    right, sure = shares.argmax(axis=1) == targets, shares.max(axis=1)
    accuracy, confidence = peer("sklearn.calibration").calibration_curve(right, sure, n_bins=bins)
    some = found.images > 0
    np.testing.assert_allclose(found.accuracy[some], accuracy)
    np.testing.assert_allclose(found.confidence[some], confidence)
    gaps = np.abs(accuracy - confidence)
    assert found.images.sum() == 500 and found.largest_error == pytest.approx(gaps.max())
    assert found.error == pytest.approx(np.average(gaps, weights=found.images[some]))


def test_a_confidence_on_an_edge_belongs_to_the_lower_bin() -> None:
    assert nn.calibration([[0.5, 0.5], [1.0, 0.0]], [0, 0], bins=2).images.tolist() == [1, 1]


def test_equal_probabilities_count_as_in_predict() -> None:
    shares = [[0.25] * 4]
    assert [nn.top_k_accuracy(shares, [place], k=2) for place in range(4)] == [1, 1, 0, 0]


def test_a_temperature_gives_back_what_was_drawn() -> None:
    scores = RANDOM.normal(size=(4000, 5))
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    targets = (shares.cumsum(axis=1) < RANDOM.random((4000, 1))).sum(axis=1)
    found = nn.temperature(3 * scores, targets)
    assert found == pytest.approx(3, rel=0.1)

    def loss(value: float) -> float:
        rows = np.exp(3 * scores / value)
        return nn.log_loss(rows / rows.sum(axis=1, keepdims=True), targets)

    assert loss(found) < min(loss(found * 1.001), loss(found / 1.001), loss(1.0))
    with pytest.raises(ArgumentError, match="of which 2 are right; calibrate with more images"):
        nn.temperature([[2.0, 0.0], [0.0, 2.0]], [0, 1])


def test_a_temperature_changes_no_label() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), input_shape=(1, 8, 8))
    images = RANDOM.integers(0, 256, (30, 1, 8, 8), np.uint8)
    plain, warm = nn.Classifier(network), nn.Classifier(nn.with_temperature(network, 3.0))
    before, after = plain.probabilities(images), warm.probabilities(images)
    np.testing.assert_array_equal(before.argmax(axis=1), after.argmax(axis=1))
    softer = before ** (1 / 3)
    np.testing.assert_allclose(after, softer / softer.sum(axis=1, keepdims=True), rtol=1e-5)
    ended = nn.Sequential(nn.Linear(4, 2), nn.Softmax(), input_shape=(4,))
    with pytest.raises(ArgumentError, match="ends with Softmax"):
        nn.with_temperature(ended, 2.0)
    for wrong in (0, -1.0, float("nan")):
        with pytest.raises(ArgumentError, match="above 0"):
            nn.with_temperature(network, wrong)


def test_what_is_not_defined_is_none_and_a_dash() -> None:
    found = nn.scores([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0]], [0, 1], ("a", "b\x1b[2J", "c"))
    rows = found.as_json()["classes"]
    assert rows[1]["precision"] is None and rows[1]["F1"] == 0 and rows[2]["F1"] is None
    assert json.loads(json.dumps(found.as_json(), allow_nan=False))["confusion matrix"][1] == [1, 0, 0]
    text = str(found)
    assert "–" in text and "\x1b" not in text and "b?[2J" in text


def test_many_classes_are_a_list_of_mistakes() -> None:
    shares, targets = answers(images=300, classes=40)
    text = str(nn.scores(shares, targets))
    assert "the most frequent mistakes" in text and max(map(len, text.splitlines())) < 100
    names = [f"a rather long name {k}" for k in range(8)]
    shares, targets = answers(images=50, classes=8)
    assert "0 a rather long name 0" in str(nn.scores(shares, targets, names))


def test_a_picture_is_drawn() -> None:
    peer("matplotlib")
    for classes in (3, 25):
        shares, targets = answers(images=100, classes=classes)
        left, right = nn.scores(shares, targets, [f"$name_{k}" for k in range(classes)]).plot()
        left.figure.canvas.draw()
        assert left.figure.axes == [left, right]
        assert ("the class's number" in left.get_xlabel()) is (classes == 25)


@pytest.mark.parametrize(
    ("shares", "targets", "error", "words"),
    [
        ([[0.5, 0.5]], [2], ArgumentError, "below 2, the classes; got 2"),
        ([[0.5, 0.5]], [-1], ArgumentError, "from 0 on, got -1"),
        ([[0.5, 0.5]], [0.0], DTypeError, "whole numbers"),
        ([[0.5, 0.5]], [0, 1], ShapeError, "a row for each of 2 targets"),
        ([0.5, 0.5], [0, 1], ShapeError, "must be .N, classes."),
        ([[3.0, -2.0]], [0], ArgumentError, "take the softmax of scores first"),
        ([[np.nan, 1.0]], [0], ArgumentError, "finite"),
        (np.zeros((0, 2)), np.zeros(0, int), ShapeError, "at least one"),
    ],
)
def test_refusals(shares: Any, targets: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        nn.scores(shares, targets)


def test_more_refusals() -> None:
    with pytest.raises(ArgumentError, match="from 0 to 1, got 2"):
        nn.confusion_matrix([0, 2], [0, 1], classes=2)
    with pytest.raises(ShapeError, match="one length"):
        nn.confusion_matrix([0, 2], [0])
    with pytest.raises(ShapeError, match=r"must be \(classes, classes\)"):
        nn.per_class(np.zeros((2, 3), int))
    with pytest.raises(ShapeError, match="a name for each of 2"):
        nn.scores([[0.5, 0.5]], [0], ("a",))
    with pytest.raises(ArgumentError, match="bins must be at least 1"):
        nn.calibration([[0.5, 0.5]], [0], bins=0)
