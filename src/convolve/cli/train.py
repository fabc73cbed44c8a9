"""`convolve train`: a small convolutional network for pictures in class folders, or for digits."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convolve.cli import types
from convolve.cli.checkpoint import check
from convolve.cli.classifier import Size, pair
from convolve.cli.data import read_data
from convolve.cli.output import note
from convolve.errors import ArgumentError

if TYPE_CHECKING:
    from convolve.nn import Data, Network

INTERRUPTED = 130


@click.command(short_help="Train a network on pictures in class folders.")
@click.argument("data", metavar="DATA")
@click.option("-o", "--output", required=True, metavar="MODEL", help="File: .safetensors, or .onnx.")
@click.option("-e", "--epochs", type=click.IntRange(1), default=20, show_default=True)
@click.option("--size", type=types.size, callback=pair,
              help="That every picture gets; 32x32 if not given, of digits 8x8.")  # fmt: skip
@click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True)
@click.option("--lr", type=click.FloatRange(0, min_open=True), default=3e-3, show_default=True,
              help="The largest learning rate; it rises, and falls like a cosine.")  # fmt: skip
@click.option("--validation", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.2,
              show_default=True, help="Part of the pictures that is not learned from.")  # fmt: skip
@click.option("--flip", is_flag=True, help="Mirror half of the pictures at random.")
@click.option("--shift", type=click.IntRange(0), default=1, show_default=True,
              help="Cells by which pictures are moved at random.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--calibrate", is_flag=True,
              help="Divide scores by a temperature, fitted to the pictures held back.")  # fmt: skip
@click.option("--checkpoint", metavar="FILE", help="Written after every epoch, to go on from.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint, with the same bits.")
@click.option("--force", is_flag=True, help="Overwrite MODEL if it exists.")
def command(
    data: str,
    output: str,
    epochs: int,
    size: Size,
    batch_size: int,
    lr: float,
    validation: float,
    flip: bool,
    shift: int,
    seed: int,
    calibrate: bool,
    checkpoint: str | None,
    resume: bool,
    force: bool,
) -> int:
    """Train a network of three convolutions to tell pictures apart.

    DATA is a folder with a folder of pictures for each class, or "digits": 1,797 handwritten digits that come
    with scikit-learn. Ctrl-C ends the training and keeps the best weights so far. MODEL holds the names of
    the classes and how the pictures were prepared, too: "convolve predict", "cam" and "score" do the same.

    \b
    Examples:
      convolve train digits -o digits.safetensors
      convolve train photos/ -o photos.safetensors --size 64x64 --flip
    """  # noqa: D301  # \b tells click to keep these lines
    check(checkpoint, output, resume=resume)
    from convolve import nn  # here and below: --help must answer before NumPy is loaded
    from convolve.nn.models import check_target
    from convolve.nn.training.networks import small_network
    from convolve.nn.training.progress import line

    check_target(Path(output), force=force)
    whole = read_data(data, size)
    learned, held_back = whole.split(validation, seed)
    note(
        f"{len(learned)} pictures to learn from, {len(held_back)} to validate; {len(learned.classes)} classes"
    )

    trained = nn.fit(
        small_network(learned.images.shape[1:], len(learned.classes), seed=seed),
        learned,
        epochs=epochs,
        batch_size=batch_size,
        validation=held_back,
        optimiser=nn.AdamW(lr),
        schedule=nn.CosineDecay(warmup=epochs / 10),
        augment=nn.Augment(flip, shift),
        seed=seed,
        checkpoint=checkpoint,
        resume=resume,
        after_epoch=lambda epoch: None if sys.stderr.isatty() else note(line(epoch, epochs)),  # or a bar
    )
    if trained.best is None:
        note("interrupted before the first epoch was over; nothing was written")
        return INTERRUPTED
    network = calibrated(trained.network, held_back) if calibrate else trained.network
    how = nn.Preprocessing(whole.images.shape[2:], whole.images.shape[1])
    kept = nn.Classifier(network, whole.classes, how, nn.HeldBack(validation, seed, whole.digest()))
    kept.save(output, force=force)
    note(f"{output}: the weights of {line(trained.best, epochs)}")
    return INTERRUPTED if trained.interrupted else 0


def calibrated(network: "Network", held_back: "Data") -> "Network":
    """Return the network with the temperature that fits the pictures held back, if there is one."""
    import numpy as np  # here and below: --help must not wait for NumPy

    from convolve import nn

    scores = np.concatenate([network(images) for images, _ in held_back.batches(256)])
    try:
        temperature = nn.temperature(scores, held_back.targets)
    except ArgumentError as error:
        note(f"not calibrated: {error}")
        return network
    note(f"calibrated: scores are divided by the temperature {temperature:.3f}")
    return nn.with_temperature(network, temperature)
