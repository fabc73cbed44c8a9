"""The estimator beside what scikit-learn asks of every estimator, and on digits."""

import pickle
from typing import Any

import numpy as np
import pytest

from convolve.errors import ShapeError
from tests.peers import peer

estimator_checks = peer("sklearn.utils.estimator_checks")

from convolve.bridges.sklearn import ConvNetClassifier  # noqa: E402  # after the peer that it needs


@estimator_checks.parametrize_with_checks([ConvNetClassifier(epochs=4, batch_size=16, learning_rate=2e-2)])
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def digits(count: int) -> tuple[Any, Any]:
    pixels, labels = peer("sklearn.datasets").load_digits(return_X_y=True)
    return pixels[:count], labels[:count]


def test_the_shape_of_the_image() -> None:
    pixels, labels = digits(60)
    for given, wanted, columns in (
        (None, (1, 8, 8), 64),
        (None, (1, 1, 60), 60),
        ((4, 16), (1, 4, 16), 64),
        ((4, 4, 4), (4, 4, 4), 64),
    ):
        fitted = ConvNetClassifier(given, epochs=1, random_state=0).fit(pixels[:, :columns], labels)
        assert fitted.shape_ == wanted
    with pytest.raises(ShapeError, match=r"as many pixels as the rows, 64; got \(3, 3\)"):
        ConvNetClassifier((3, 3)).fit(pixels, labels)


def test_a_pickled_one_predicts_the_same() -> None:
    pixels, labels = digits(100)
    fitted = ConvNetClassifier(epochs=2, shift=1, random_state=3).fit(pixels, labels.astype(str))
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(pixels), fitted.predict_proba(pixels))
    assert set(fitted.predict(pixels)) <= set(labels.astype(str))
