"""`convolve segment`: labels in volumes: train a small U-Net, run it, score it."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convolve.cli.output import note, shown_path, spare_sources

if TYPE_CHECKING:
    from convolve.medical import Phantom

TRAINING, HELD_OUT = range(48), range(1000, 1008)
"""Seeds of the phantoms that are learned from and of those that are scored."""

PHANTOM = "phantom"


@click.group(short_help="Label volumes: train, run and score a U-Net.")
def command() -> None:
    """Label the cells of volumes, slice by slice, by a small U-Net. No medical device.

    \b
    Examples:
      convolve segment train phantom -o unet.safetensors
      convolve segment run unet.safetensors scan.nii.gz -o labels.nii.gz
      convolve segment score unet.safetensors phantom
    """  # noqa: D301  # \b tells click to keep these lines


@command.command(short_help="Train a U-Net on labelled volumes.")
@click.argument("data", metavar="DATA")
@click.option("-o", "--output", required=True, metavar="MODEL", help="File: .safetensors, or .onnx.")
@click.option("-e", "--epochs", type=click.IntRange(1), default=6, show_default=True)
@click.option("--batch-size", type=click.IntRange(1), default=8, show_default=True, help="Slices per step.")
@click.option("--lr", type=click.FloatRange(0, min_open=True), default=4e-3, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--force", is_flag=True, help="Overwrite MODEL if it exists.")
def train(data: str, output: str, epochs: int, batch_size: int, lr: float, seed: int, force: bool) -> int:
    """Train a U-Net.

    DATA is "phantom", or a folder of pairs, NAME_image.nii.gz and NAME_label.nii.gz (or .npy, .tif), of one
    size across; labels are whole numbers from 0, the background.
    """
    from convolve import medical, nn  # here and below: --help must answer before NumPy is loaded
    from convolve.nn.models import check_target
    from convolve.nn.training.progress import line

    check_target(Path(output), force=force)
    volumes, names = pairs(data, TRAINING)
    note(f"{len(volumes)} volumes of {len(names)} labels to learn from")
    network = medical.learn(
        [(one.image, one.labels) for one in volumes],
        classes=len(names),
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        seed=seed,
        after_epoch=lambda epoch: None if sys.stderr.isatty() else note(line(epoch, epochs)),  # or a bar
    )
    nn.save(network, output, classes=names, force=force)
    note(f"{shown_path(output)}: a network for {', '.join(names)}")
    return 0


@command.command(short_help="Label a volume.")
@click.argument("model", metavar="MODEL")
@click.argument("volume", metavar="VOLUME")
@click.option("-o", "--output", required=True, metavar="FILE", help="Labels: .nii.gz, .tif or .npy.")
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
def run(model: str, volume: str, output: str, force: bool) -> int:
    """Write the labels of a volume, where it lies, as bytes."""
    from dataclasses import replace

    from convolve import files, load, medical  # as above
    from convolve.errors import ShapeError
    from convolve.files import atomic, formats

    formats.of_suffix(Path(output))
    atomic.check_target(Path(output), force=force)
    spare_sources(Path(output), [Path(volume), Path(model)])
    network, picture = load(model), files.read(volume)
    if picture.axes != "ZYX":
        raise ShapeError(f"a volume has the axes ZYX, but {shown_path(volume)} has {picture.axes}; cut it")
    found = medical.segment(picture.array, network)
    files.write(output, replace(picture, array=found, notes=()), force=force)
    shares = ", ".join(f"{label}: {(found == label).mean():.1%}" for label in range(int(found.max()) + 1))
    note(f"{shown_path(output)}: {shares}")
    return 0


@command.command(short_help="Compare labels with the truth.")
@click.argument("model", metavar="MODEL")
@click.argument("data", metavar="DATA")
@click.option("-o", "--output", metavar="FILE", help="Write JSON, too.")
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
def score(model: str, data: str, output: str | None, force: bool) -> int:
    """Print Dice's coefficient and Hausdorff's distance for each label, means over the volumes of DATA.

    DATA is as for "train"; "phantom" stands for eight phantoms that no training sees.
    """
    from convolve import load, medical  # as above
    from convolve.files import atomic

    if output is not None:
        atomic.check_target(Path(output), force=force)
        spare_sources(Path(output), [Path(model)])
    network = load(model)
    volumes, names = pairs(data, HELD_OUT)
    rows = [
        medical.score(medical.segment(one.image, network), one.labels, one.spacing, names) for one in volumes
    ]
    means = [medical.mean_score(of_label) for of_label in zip(*rows, strict=True)]
    click.echo(table(means, len(rows)))
    if output is not None:
        text = json.dumps({"means": means, "volumes": rows}, indent=1, allow_nan=False)
        atomic.write_bytes(Path(output), text.encode(), force=force)
    return 0


def table(means: "list[dict[str, Any]]", count: int) -> str:
    """Return the means of every label as text, "-" where there is none."""
    words = {"prediction": "not found", "truth": "made up", "both": "nowhere"}
    lines = [
        f"{'label':12} {'Dice':>6} {'Hausdorff 95 %':>15} {'Hausdorff':>10}  missed"
        f"   (mm; means of {count} volumes)"
    ]
    for mean in means:
        numbers = "{:>6} {:>15} {:>10}".format(
            number(mean["dice"], 3), number(mean["hausdorff95"], 2), number(mean["hausdorff"], 2)
        )
        missed = [f"{words[which]} in {many}" for which, many in mean["missed"].items() if many]
        lines.append(f"{mean['label']:12} {numbers}  {', '.join(missed) or 'never'}")
    known = [mean["dice"] for mean in means if mean["dice"] is not None]
    return "\n".join([*lines, f"{'all':12} {number(sum(known) / len(known) if known else None, 3):>6}"])


def number(value: float | None, digits: int) -> str:
    """Return a number as the table shows it."""
    return "-" if value is None else f"{value:.{digits}f}"


def pairs(data: str, seeds: range) -> "tuple[list[Phantom], tuple[str, ...]]":
    """Return volumes with their labels, and the labels' names."""
    from convolve import medical  # as above

    if data == PHANTOM and not Path(data).is_dir():
        return [medical.phantom(seed=seed) for seed in seeds], medical.LABELS
    from convolve.medical.pairs import read_pairs  # as above

    volumes = read_pairs(Path(data))
    most = max(int(one.labels.max()) for one in volumes)
    return volumes, ("0", *(str(number) for number in range(1, most + 1)))
