"""`fit`: epochs of batches, with validation, a progress bar, checkpoints, and the best weights kept.

All that is drawn (order, augmentation, dropout) follows from the seed and the number of the epoch or step, so
that a training that goes on from a checkpoint has the same bits as one that was never interrupted.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError
from convolve.nn.network import Network
from convolve.nn.training.checkpoint import Checkpoint
from convolve.nn.training.data import Augment, Data, parts
from convolve.nn.training.losses import CrossEntropyLoss, Loss
from convolve.nn.training.optimisers import AdamW, Optimiser
from convolve.nn.training.progress import Bar
from convolve.nn.training.results import Epoch, Trained, right
from convolve.nn.training.schedules import ConstantRate, Schedule
from convolve.nn.training.trainer import Trainer
from convolve.options import choice, whole_number

EVALUATED = 256
"""Images in one batch where nothing is learned: enough for threads, and feature maps stay in tens of MiB."""


@dataclass(frozen=True)
class Settings:
    """How a training goes; a checkpoint goes on with the same ones only."""

    epochs: int
    batch_size: int
    loss: Loss
    optimiser: Optimiser
    schedule: Schedule
    augment: Augment | None
    seed: int


def fit(
    network: Network,
    data: Data,
    *,
    epochs: int = 10,
    batch_size: int = 32,
    validation: Data | None = None,
    loss: Loss | None = None,
    optimiser: Optimiser | None = None,
    schedule: Schedule | None = None,
    augment: Augment | None = None,
    seed: int = 0,
    keep: str = "best",
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    after_epoch: Callable[[Epoch], None] | None = None,
) -> Trained:
    """Train a network.

    Parameters
    ----------
    network
        With one input and one output; it stays as it is.
    data
        What is learned from.
    epochs
        How often all of it is gone through.
    batch_size
        Images per step.
    validation
        What is not learned from: it decides which epoch was the best.
    loss, optimiser, schedule
        Cross entropy, AdamW and a constant learning rate if None.
    augment
        How images are changed at random.
    seed
        From which order, changes and dropout follow.
    keep
        Which weights the result has: those of the "best" epoch, or the "last" ones.
    checkpoint
        A file that is written after every epoch (package safetensors).
    resume
        Whether to go on from that file; without it an existing one is refused.
    progress
        Whether to show a bar; by default if standard error is a terminal.
    after_epoch
        Called with every `Epoch`. A KeyboardInterrupt from it ends the training like Ctrl-C.

    Returns
    -------
    Trained
        The network with its best weights, and what happened. Ctrl-C ends the training early and keeps these.

    Raises
    ------
    ConvolveError
        If data, network and loss do not fit together, or the checkpoint is of another training.

    Examples
    --------
    >>> import numpy as np
    >>> from convolve import nn
    >>> random, bright = np.random.default_rng(0), np.arange(64) % 2
    >>> images = random.normal(bright.reshape(-1, 1, 1, 1), 0.5, (64, 1, 6, 6)).astype(np.float32)
    >>> network = nn.Sequential(
    ...     nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2),
    ...     input_shape=(1, 6, 6),
    ... )
    >>> trained = nn.fit(network, nn.Data(images, bright), epochs=10, optimiser=nn.AdamW(0.03))
    >>> trained.history[-1].accuracy > 0.9
    True
    """
    if epochs < 1:
        raise ArgumentError(f"epochs must be at least 1, got {epochs}")
    whole_number(seed, "seed", 0)
    settings = Settings(
        epochs, batch_size, loss or CrossEntropyLoss(), optimiser or AdamW(), schedule or ConstantRate(),
        augment, seed,
    )  # fmt: skip
    trainer = Trainer(network, settings.loss, settings.optimiser, seed=seed)
    run = _Run(trainer, data, validation, settings)
    store = None if checkpoint is None else Checkpoint(Path(checkpoint), resume, run.fingerprint())
    if store is not None:
        run.history, run.best = store.restore(trainer) or (run.history, run.best)
    with Bar(progress, epochs, len(parts(len(data), batch_size))) as bar:
        interrupted = run.all_epochs(bar, store, after_epoch)
    numbers = run.best if choice(keep, "keep", ("best", "last")) == "best" else None
    return Trained(trainer.network(numbers), tuple(run.history), interrupted, data.classes)


class _Run:
    """One training: what it has and where it is."""

    def __init__(self, trainer: Trainer, data: Data, validation: Data | None, settings: Settings) -> None:
        self.trainer, self.data, self.validation, self.settings = trainer, data, validation, settings
        self.history: list[Epoch] = []
        self.best: dict[str, Array] | None = None

    def fingerprint(self) -> dict[str, str]:
        """Return what must be the same for a checkpoint to go on."""
        return {
            **{name: repr(value) for name, value in vars(self.settings).items()},
            "data": self.data.digest(),
            "validation": "none" if self.validation is None else self.validation.digest(),
        }

    def all_epochs(
        self, bar: Bar, store: Checkpoint | None, after_epoch: Callable[[Epoch], None] | None
    ) -> bool:
        """Go on to the end; tell whether Ctrl-C came before."""
        try:
            for number in range(len(self.history), self.settings.epochs):
                epoch = self._epoch(number, bar)
                self._keep(epoch)
                if store is not None:
                    store.write(self.trainer, self.history, self.best)
                bar.finish(epoch)
                if after_epoch is not None:
                    after_epoch(epoch)
        except KeyboardInterrupt:
            return True
        return False

    def _epoch(self, number: int, bar: Bar) -> Epoch:
        settings, start = self.settings, time.perf_counter()
        order = np.random.default_rng([settings.seed, number]).permutation(len(self.data))
        steps = len(parts(len(self.data), settings.batch_size))
        losses, hits, seen = 0.0, 0.0, 0
        for step, (images, targets) in enumerate(self.data.batches(settings.batch_size, order)):
            if settings.augment is not None:
                images = settings.augment(images, np.random.default_rng([settings.seed, number, step]))
            rate = settings.optimiser.lr * settings.schedule.factor(number + step / steps, settings.epochs)
            with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is looked at below
                value, output = self.trainer.step(images, targets, rate)
            self._check_numbers(value, number, rate)
            seen += len(targets)
            losses, hits = losses + value * len(targets), hits + right(output, targets)
            bar.step(number, losses / seen, hits / seen)
        validated: tuple[float | None, float | None] = (None, None)
        with np.errstate(over="ignore", invalid="ignore"):
            for array in self.trainer.parameters.values():  # after the last step, whose loss is of before it
                self._check_numbers(array.sum(), number, rate)
            if self.validation is not None:
                validated = evaluate(self.trainer.network(), self.validation, settings.loss)
        seconds = time.perf_counter() - start
        return Epoch(number + 1, losses / seen, hits / seen, validated[0], validated[1], seconds)

    @staticmethod
    def _check_numbers(value: float, number: int, rate: float) -> None:
        """Refuse to go on once a loss or weights are NaN: all are, from there on."""
        if np.isnan(value):
            raise ArgumentError(
                f"the loss must be a number, but is NaN in epoch {number + 1}, at a learning rate of "
                f"{rate:g}; give a smaller learning rate, or look for NaN in the images"
            )

    def _keep(self, epoch: Epoch) -> None:
        """Remember the numbers if no epoch was better."""
        if self.best is None or epoch.score > max(one.score for one in self.history):
            self.best = self.trainer.numbers()
        self.history.append(epoch)


def evaluate(network: Network, data: Data, loss: Loss | None = None) -> tuple[float, float]:
    """Return the loss and the part of the classes that are right; NaN where targets are no classes.

    Parameters
    ----------
    network
        Any.
    data
        What it is asked.
    loss
        Cross entropy if None.
    """
    losses, hits = 0.0, 0.0
    for images, targets in data.batches(EVALUATED):
        output = network(images)
        losses += (loss or CrossEntropyLoss())(output, targets)[0] * len(targets)
        hits += right(output, targets)
    return losses / len(data), hits / len(data)
