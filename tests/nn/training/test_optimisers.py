"""Optimisers, schedules and first weights beside PyTorch's, step by step."""

from typing import Any

import numpy as np
import pytest

from convolve import nn
from convolve.errors import ArgumentError, ShapeError
from convolve.nn import initial
from tests.peers import peer

OPTIMISERS = {
    "plain": (nn.SGD(0.1), "SGD", {"lr": 0.1}),
    "momentum": (nn.SGD(0.1, momentum=0.9), "SGD", {"lr": 0.1, "momentum": 0.9}),
    "decay": (
        nn.SGD(0.1, momentum=0.9, weight_decay=0.01), "SGD",
        {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01},
    ),
    "nesterov": (
        nn.SGD(0.1, momentum=0.8, weight_decay=0.1, nesterov=True), "SGD",
        {"lr": 0.1, "momentum": 0.8, "weight_decay": 0.1, "nesterov": True},
    ),
    "adamw": (nn.AdamW(), "AdamW", {"lr": 1e-3}),
    "adamw of others": (
        nn.AdamW(0.02, (0.8, 0.95), 1e-6, 0.3), "AdamW",
        {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.3},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OPTIMISERS)
def test_every_step_is_pytorchs(case: str) -> None:
    torch = peer("torch")
    ours, kind, options = OPTIMISERS[case]
    random = np.random.default_rng(3)
    numbers = random.normal(size=50).astype(np.float32)
    theirs = torch.nn.Parameter(torch.from_numpy(numbers.copy()))
    optimiser, memory = getattr(torch.optim, kind)([theirs], **options), ours.start(numbers)
    for step in range(12):
        gradient = (random.normal(size=50) * 10.0 ** random.integers(-3, 3, 50)).astype(np.float32)
        rate = options["lr"] * (0.5 if step > 6 else 1)
        optimiser.param_groups[0]["lr"] = rate
        theirs.grad = torch.from_numpy(gradient.copy())
        optimiser.step()
        ours.step(numbers, gradient, memory, rate)
        np.testing.assert_allclose(numbers, theirs.detach().numpy(), rtol=2e-5, atol=1e-6)


def rates(make: Any, epochs: int) -> list[float]:
    """Return PyTorch's learning rates, epoch by epoch, from 1."""
    torch = peer("torch")
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(torch.optim.lr_scheduler, optimiser)
    found = []
    for _ in range(epochs):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return found


def warm_cosine(schedulers: Any, optimiser: Any) -> Any:
    line = schedulers.LinearLR(optimiser, start_factor=0.2, total_iters=3)
    cosine = schedulers.CosineAnnealingLR(optimiser, T_max=9, eta_min=0.1)
    return schedulers.SequentialLR(optimiser, [line, cosine], milestones=[3])


SCHEDULES = {
    "constant": (nn.ConstantRate(), lambda s, o: s.LambdaLR(o, lambda _: 1.0)),
    "step": (nn.StepDecay(4, 0.3), lambda s, o: s.StepLR(o, step_size=4, gamma=0.3)),
    "cosine": (nn.CosineDecay(end=0.1), lambda s, o: s.CosineAnnealingLR(o, T_max=12, eta_min=0.1)),
    "warm": (nn.CosineDecay(warmup=3, start=0.2, end=0.1), warm_cosine),
}


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize("case", SCHEDULES)
def test_every_learning_rate_is_pytorchs(case: str) -> None:
    ours, make = SCHEDULES[case]
    found = [ours.factor(epoch, 12) for epoch in range(12)]
    np.testing.assert_allclose(found, rates(make, 12), rtol=1e-6)


RULES = {
    "kaiming_uniform": (nn.kaiming_uniform(), {"nonlinearity": "relu"}),
    "kaiming_normal": (nn.kaiming_normal("tanh", "fan_out"), {"nonlinearity": "tanh", "mode": "fan_out"}),
    "xavier_uniform": (nn.xavier_uniform(), {}),
    "xavier_normal": (nn.xavier_normal(2.0), {"gain": 2.0}),
}


@pytest.mark.parametrize("rule", RULES)
def test_first_weights_are_spread_as_pytorchs(rule: str) -> None:
    torch = peer("torch")
    ours, options = RULES[rule]
    found = ours(np.random.default_rng(0), (64, 32, 3, 3))
    theirs = torch.empty(64, 32, 3, 3)
    getattr(torch.nn.init, f"{rule}_")(theirs, generator=torch.Generator().manual_seed(0), **options)
    assert found.dtype == np.float32
    assert found.std() == pytest.approx(theirs.std().item(), rel=0.02)
    if "uniform" in rule:
        assert np.abs(found).max() == pytest.approx(theirs.abs().max().item(), rel=0.001)


@pytest.mark.parametrize("name", list(initial.GAINS))
def test_gains_are_pytorchs(name: str) -> None:
    assert initial.GAINS[name] == pytest.approx(peer("torch").nn.init.calculate_gain(name))


def test_weights_drawn_anew_depend_on_seed_and_name_alone() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3), input_shape=(1, 4, 4)
    )
    one, same, other = (nn.initialised(network, nn.kaiming_normal(), seed=seed) for seed in (1, 1, 2))
    for name, array in one.graph.constants.items():
        drawn = name.endswith("weight") and array.ndim > 1
        np.testing.assert_array_equal(array, same.graph.constants[name])
        assert np.array_equal(array, other.graph.constants[name]) != drawn
        assert np.array_equal(array, network.graph.constants[name]) != drawn


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ArgumentError, match="nesterov needs momentum"):
        nn.SGD(0.1, nesterov=True)
    with pytest.raises(ArgumentError, match=r"betas must be from 0 to below 1, got 1"):
        nn.AdamW(betas=(0.9, 1.0))
    with pytest.raises(ArgumentError, match="lr must be at least 0, got -1"):
        nn.SGD(-1)
    with pytest.raises(ArgumentError, match="nonlinearity must be one of"):
        nn.kaiming_normal("rellu")
    with pytest.raises(ShapeError, match="two dimensions or more"):
        nn.xavier_normal()(np.random.default_rng(0), (3,))
