"""The loss: its gradient against differences, its boxes against the plain definition, and what is ignored."""

import numpy as np
import pytest

from convolve.detection.loss import IGNORED, NOTHING, DetectionLoss, box_loss
from convolve.errors import ShapeError
from tests.detection.test_boxes import plain_iou
from tests.seeds import generator

STEP = 1e-6


def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Return outputs of three classes at 40 places of 2 pictures, float64, and targets."""
    random = generator(62)
    output = random.normal(0, 1, (2, 8, 40))
    target = np.exp(random.normal(0, 1, (2, 5, 40)))
    target[:, 0] = random.choice([NOTHING, IGNORED, 0, 1, 2], (2, 40))
    return output, target


def differences(loss: DetectionLoss, output: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the gradient by central differences."""
    found = np.zeros_like(output)
    for place in np.ndindex(output.shape):
        there = np.zeros_like(output)
        there[place] = STEP
        found[place] = (loss(output + there, target)[0] - loss(output - there, target)[0]) / (2 * STEP)
    return found


@pytest.mark.parametrize("focus", [2.0, 1.5])
def test_gradient_is_that_of_the_value(focus: float) -> None:
    output, target = drawn()
    loss = DetectionLoss(focus, 1.7)
    gradient = loss(output, target)[1]
    np.testing.assert_allclose(gradient, differences(loss, output, target), rtol=1e-4, atol=1e-7)
    assert (gradient[:, :5] != 0).mean() > 0.3
    wrong = gradient.copy()
    wrong[:, 2] *= 1.01  # the comparison notices one per cent in one of eight numbers
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(wrong, differences(loss, output, target), rtol=1e-4, atol=1e-7)


def test_nothing_is_learned_where_a_crowd_is() -> None:
    output, target = drawn()
    gradient = DetectionLoss()(output, target)[1]
    ignored = np.moveaxis(gradient, 1, 2)[target[:, 0] == IGNORED]
    assert len(ignored) and not ignored.any()
    nothing = np.moveaxis(gradient, 1, 2)[target[:, 0] == NOTHING]
    assert nothing[:, 4].all() and not np.delete(nothing, 4, axis=1).any()


def test_boxes_are_generalised_iou() -> None:
    random = generator(63)
    logs, target = random.normal(0, 1, (50, 4)), np.exp(random.normal(0, 1, (50, 4)))
    lost, _ = box_loss(logs, target)
    for log, wanted, one in zip(logs, target, lost, strict=True):
        a, b = (np.concatenate([-sides[:2], sides[2:]]) for sides in (np.exp(log), wanted))
        hull = np.prod(np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2]))
        union = (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) / (1 + plain_iou(a, b))
        assert one == pytest.approx(1 - plain_iou(a, b) + (hull - union) / hull, abs=1e-9)
    assert box_loss(np.log(target), target)[0] == pytest.approx(0, abs=1e-9)


def test_outputs_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"outputs must be \(N, 5 \+ classes, places\)"):
        DetectionLoss()(np.zeros((1, 5, 3)), np.zeros((1, 5, 3)))
