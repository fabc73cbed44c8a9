"""Training curves: from `fit`'s history to lines on axes."""

import numpy as np
import pytest

from convolve import nn
from convolve.errors import ArgumentError
from tests.peers import peer

HISTORY = [
    nn.Epoch(1, 0.9, 0.5, 1.0, 0.4, 2.0),
    nn.Epoch(2, 0.4, float("nan"), 0.6, None, 2.0),
    nn.Epoch(3, 0.2, 0.9, None, 0.8, 2.0),
]


def test_arrays_have_one_number_for_each_epoch() -> None:
    curves = nn.training_curves(HISTORY)
    assert curves.epochs.tolist() == [1, 2, 3] and curves.loss.tolist() == [0.9, 0.4, 0.2]
    np.testing.assert_array_equal(curves.validation_loss, [1.0, 0.6, np.nan])
    np.testing.assert_array_equal(curves.validation_accuracy, [0.4, np.nan, 0.8])


def test_a_training_has_curves() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), input_shape=(1, 2, 2))
    data = nn.Data(np.ones((4, 1, 2, 2), np.float32), np.array([0, 1, 0, 1]))
    trained = nn.fit(network, data, epochs=3, validation=data)
    curves = nn.training_curves(trained.history)
    assert curves.loss.tolist() == [epoch.loss for epoch in trained.history]
    assert np.isfinite(curves.validation_loss).all()


def test_plots_have_a_line_for_each_curve() -> None:
    peer("matplotlib").use("agg")
    ax = nn.training_curves(HISTORY).plot(quantity="accuracy")
    assert [line.get_label() for line in ax.lines] == ["learned from", "held back"]
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), [0.4, np.nan, 0.8])
    without = [nn.Epoch(1, 0.5, float("nan"), None, None, 1.0)]
    assert len(nn.training_curves(without).plot().lines) == 1
    with pytest.raises(ArgumentError, match="must have epochs with accuracy"):
        nn.training_curves(without).plot(quantity="accuracy")
    with pytest.raises(ArgumentError, match="quantity must be one of 'loss', 'accuracy'"):
        nn.training_curves(HISTORY).plot(quantity="time")
