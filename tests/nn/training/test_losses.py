"""Losses and their gradients beside PyTorch's."""

from typing import Any

import numpy as np
import pytest

from convolve import nn
from convolve.errors import ArgumentError, ArgumentTypeError, ShapeError
from tests.peers import peer

RANDOM = np.random.default_rng(5)
LOGITS = RANDOM.normal(0, 3, (6, 4, 5)).astype(np.float32)
CLASSES = RANDOM.integers(0, 4, (6, 5))
PARTS = RANDOM.uniform(0, 1, LOGITS.shape).astype(np.float32)
YES_OR_NO = (PARTS > 0.5).astype(np.float32)


def sigmoid_focal_loss(alpha: float, gamma: float) -> Any:
    """Return torchvision's loss, by its formula, so that torchvision need not be there."""
    functional = peer("torch").nn.functional

    def loss(output: Any, target: Any) -> Any:
        p = output.sigmoid()
        cross = functional.binary_cross_entropy_with_logits(output, target, reduction="none")
        found = cross * (1 - (p * target + (1 - p) * (1 - target))) ** gamma
        return ((alpha * target + (1 - alpha) * (1 - target)) * found if alpha >= 0 else found).mean()

    return loss


CASES = {
    "cross entropy": (nn.CrossEntropyLoss(), lambda t: t.nn.CrossEntropyLoss(), CLASSES),
    "smoothed": (nn.CrossEntropyLoss(0.1), lambda t: t.nn.CrossEntropyLoss(label_smoothing=0.1), CLASSES),
    "mse": (nn.MSELoss(), lambda t: t.nn.MSELoss(), PARTS),
    "bce": (nn.BCEWithLogitsLoss(), lambda t: t.nn.BCEWithLogitsLoss(), PARTS),
    "focal": (nn.FocalLoss(), lambda t: sigmoid_focal_loss(0.25, 2.0), YES_OR_NO),
    "focal of all": (nn.FocalLoss(-1, 0.5), lambda t: sigmoid_focal_loss(-1, 0.5), YES_OR_NO),
    "not focal": (nn.FocalLoss(0.3, 0.0), lambda t: sigmoid_focal_loss(0.3, 0.0), YES_OR_NO),
}


@pytest.mark.parametrize("case", CASES)
def test_loss(case: str) -> None:
    torch = peer("torch")
    ours, theirs, target = CASES[case]
    output = torch.from_numpy(LOGITS.copy()).requires_grad_()
    expected = theirs(torch)(output, torch.from_numpy(target))
    expected.backward()
    value, gradient = ours(LOGITS, target)
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(value, expected.item(), rtol=1e-5)
    np.testing.assert_allclose(gradient, output.grad.numpy(), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), nn.BCEWithLogitsLoss(), nn.FocalLoss()])
def test_large_logits_stay_finite(loss: Any) -> None:
    output = np.array([[1e4, -1e4], [-1e4, 1e4]], np.float32)
    target = np.array([0, 0]) if isinstance(loss, nn.CrossEntropyLoss) else np.eye(2, dtype=np.float32)
    value, gradient = loss(output, target)
    assert np.isfinite(value) and np.isfinite(gradient).all()


def test_what_does_not_fit_is_refused() -> None:
    loss = nn.CrossEntropyLoss()
    with pytest.raises(ArgumentError, match="classes must be from 0 to 3.*got 0 to 4"):
        loss(LOGITS[..., 0], np.array([0, 1, 2, 3, 4, 0]))
    with pytest.raises(ShapeError, match="one class number for each"):
        loss(LOGITS, CLASSES[:3])
    with pytest.raises(ArgumentTypeError, match="whole ones; got dtype float32"):
        loss(LOGITS[..., 0], PARTS[:, 0, 0])
    with pytest.raises(ShapeError, match=r"outputs' shape \(6, 4, 5\), got \(6, 5\)"):
        nn.MSELoss()(LOGITS, CLASSES)
    with pytest.raises(ArgumentError, match="label_smoothing must be from 0 to below 1, got 1"):
        nn.CrossEntropyLoss(1.0)
