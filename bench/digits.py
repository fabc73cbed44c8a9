"""Epochs of a three-layer network on scikit-learn's digits, ours and PyTorch's.

``python -m bench.digits`` prints the figures of bench/NOTES.md; what the network gets right, beside linear
models, is told by examples/digits.py.
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from convolve import nn, set_num_threads
from convolve.nn.training.networks import CHANNELS, small_network

BATCHES, TURNS, THREADS = (16, 32, 64), 7, 2


def learned() -> tuple[Any, Any]:
    """Return the pictures that are learned from, as examples/digits.py has them, and their labels."""
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    part, _, of_part, _ = train_test_split(images, labels, test_size=0.3, random_state=0, stratify=labels)
    return part, of_part


def theirs() -> Any:
    """Return PyTorch's network of the same layers."""
    first, second, third = CHANNELS
    t = torch.nn
    return t.Sequential(
        t.Conv2d(1, first, 3, padding=1, bias=False), t.BatchNorm2d(first), t.ReLU(),
        t.Conv2d(first, second, 3, padding=1, bias=False), t.BatchNorm2d(second), t.ReLU(), t.MaxPool2d(2),
        t.Conv2d(second, third, 3, padding=1, bias=False), t.BatchNorm2d(third), t.ReLU(), t.MaxPool2d(2),
        t.Flatten(), t.Dropout(0.3), t.Linear(4 * third, 10),
    )  # fmt: skip


def our_epoch(images: Any, labels: Any, size: int) -> Callable[[], None]:
    """Return one epoch of ours."""
    trainer = nn.Trainer(small_network((1, 8, 8), 10), nn.CrossEntropyLoss(), nn.AdamW(3e-3))
    data = nn.Data(images, labels)

    def epoch() -> None:
        order = np.random.default_rng(trainer.steps).permutation(len(labels))
        for batch, targets in data.batches(size, order):
            trainer.step(batch, targets)

    return epoch


def their_epoch(images: Any, labels: Any, size: int, channels_last: bool) -> Callable[[], None]:
    """Return one epoch of PyTorch's, in one of its two layouts."""
    form = torch.channels_last if channels_last else torch.contiguous_format
    network = theirs().to(memory_format=form)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    loss = torch.nn.CrossEntropyLoss()
    x, y = torch.from_numpy(images), torch.from_numpy(labels)

    def epoch() -> None:
        order = torch.randperm(len(y))
        for start in range(0, len(y), size):
            places = order[start : start + size]
            optimiser.zero_grad()
            loss(network(x[places].contiguous(memory_format=form)), y[places]).backward()
            optimiser.step()

    return epoch


WORKERS: dict[str, Callable[[], None]] = {}
"""In a worker process: the one epoch that it runs."""


def start(name: str, size: int) -> None:
    """Make a worker ready: each contender has a process of its own, for allocators and threads are shared."""
    set_num_threads(THREADS)
    torch.set_num_threads(THREADS)
    images, labels = learned()
    if name == "convolve":
        WORKERS["epoch"] = our_epoch(images, labels, size)
    else:
        WORKERS["epoch"] = their_epoch(images, labels, size, name.endswith("channels last"))


def timed() -> float:
    """Return the seconds of one epoch."""
    start = time.perf_counter()
    WORKERS["epoch"]()
    return time.perf_counter() - start


def epochs(size: int) -> dict[str, float]:
    """Return the median seconds of an epoch, each by turns."""
    context = multiprocessing.get_context("spawn")
    names = ("convolve", "PyTorch", "PyTorch, channels last")
    pools = {name: context.Pool(1, start, (name, size)) for name in names}
    turns = [{name: pool.apply(timed) for name, pool in pools.items()} for _ in range(TURNS + 2)]
    for pool in pools.values():
        pool.terminate()
    return {name: statistics.median(turn[name] for turn in turns[2:]) for name in names}  # two warm up


def main() -> None:
    """Print the median epoch of each, for small batches and larger ones."""
    for size in BATCHES:
        for name, median in epochs(size).items():
            print(f"epoch of batches of {size}: {1000 * median:6.1f} ms  {name}")


if __name__ == "__main__":
    main()
