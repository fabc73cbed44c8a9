"""`convolve segment`: labels in volumes: train a small U-Net, run it, score it."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convolve.cli.output import note, shown_path, spare_sources

if TYPE_CHECKING:
    from convolve.medical import Phantom
    from convolve.medical.spacing import Spacing

TRAINING, HELD_OUT = range(48), 1000
"""Seeds of the phantoms that are learned from, and the first of those that are scored."""

PHANTOM = "phantom"

any_spacing_option = click.option(
    "--any-spacing", is_flag=True, help="Take volumes whose cells differ in size, or from the training's."
)


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
@any_spacing_option
@click.option("--force", is_flag=True, help="Overwrite MODEL if it exists.")
def train(
    data: str,
    output: str,
    epochs: int,
    batch_size: int,
    lr: float,
    seed: int,
    any_spacing: bool,
    force: bool,
) -> int:
    """Train a U-Net.

    DATA is "phantom", or a folder of pairs, NAME_image.nii.gz and NAME_label.nii.gz (or .npy, .tif), of one
    size across; labels are whole numbers from 0, the background.
    """
    from convolve import medical  # here and below: --help must answer before NumPy is loaded
    from convolve.nn.models import check_target
    from convolve.nn.training.progress import line

    check_target(Path(output), force=force)
    volumes, names = pairs(data, TRAINING)
    spacing = None if any_spacing else common_spacing(volumes)
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
    medical.Segmenter(network, names, spacing=spacing).save(output, force=force)
    note(f"{shown_path(output)}: a network for {', '.join(names)}")
    return 0


@command.command(short_help="Label a volume.")
@click.argument("model", metavar="MODEL")
@click.argument("volume", metavar="VOLUME")
@click.option("-o", "--output", required=True, metavar="FILE", help="Labels: .nii.gz, .tif or .npy.")
@any_spacing_option
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
def run(model: str, volume: str, output: str, any_spacing: bool, force: bool) -> int:
    """Write the labels of a volume, where it lies, as bytes.

    Its numbers are prepared as MODEL says; its cells must be within a tenth of those of the training.
    """
    from dataclasses import replace

    from convolve import files, medical  # as above
    from convolve.errors import ShapeError
    from convolve.files import atomic, formats
    from convolve.medical.spacing import millimetres, shown

    formats.of_suffix(Path(output))
    atomic.check_target(Path(output), force=force)
    spare_sources(Path(output), [Path(volume), Path(model)])
    segmenter, picture = medical.Segmenter.load(model), files.read(volume)
    if picture.axes != "ZYX":
        raise ShapeError(f"a volume has the axes ZYX, but {shown_path(volume)} has {picture.axes}; cut it")
    spacing = millimetres(picture)
    if spacing is not None and not any_spacing:
        segmenter.check_spacing(spacing, shown_path(volume))
    elif segmenter.spacing is not None:
        has = "does not say how large its cells are" if spacing is None else f"has {shown(spacing)}"
        note(f"{shown_path(volume)} {has}; the network learned from cells of {shown(segmenter.spacing)}")
    found = segmenter(picture.array)
    files.write(output, replace(picture, array=found, notes=()), force=force)
    shares = [f"{name}: {(found == place).mean():.1%}" for place, name in enumerate(segmenter.labels)]
    note(f"{shown_path(output)}: {', '.join(shares)}")
    return 0


@command.command(short_help="Compare labels with the truth.")
@click.argument("model", metavar="MODEL")
@click.argument("data", metavar="DATA")
@click.option("-o", "--output", metavar="FILE", help="Write JSON, too.")
@click.option("--each", is_flag=True, help="Print Dice's coefficient for each volume, too.")
@click.option("--phantoms", type=click.IntRange(1), default=8, show_default=True,
              help="How many, if DATA is phantom: seeds from 1000 on.")  # fmt: skip
@any_spacing_option
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
def score(
    model: str, data: str, output: str | None, each: bool, phantoms: int, any_spacing: bool, force: bool
) -> int:
    """Print Dice's coefficient and Hausdorff's distance for each label, means over the volumes of DATA.

    DATA is as for "train"; "phantom" stands for phantoms that no training sees.
    """
    from convolve import medical  # as above
    from convolve.files import atomic

    if output is not None:
        atomic.check_target(Path(output), force=force)
        spare_sources(Path(output), [Path(model)])
    segmenter = medical.Segmenter.load(model)
    volumes, _ = pairs(data, range(HELD_OUT, HELD_OUT + phantoms))
    for one in volumes:
        if one.unit == "mm" and not any_spacing:
            segmenter.check_spacing(one.spacing, shown_path(one.name or data))
    rows = [medical.score(segmenter(one.image), one.labels, one.spacing, segmenter.labels) for one in volumes]
    names = [one.name for one in volumes]
    if each:
        click.echo(dice_table(names, rows) + "\n")
    means = [medical.mean_score(of_label) for of_label in zip(*rows, strict=True)]
    unit = volumes[0].unit
    click.echo(table(means, len(rows), unit))
    if output is not None:
        text = json.dumps(
            {"unit": unit, "means": means, "names": names, "volumes": rows}, indent=1, allow_nan=False
        )
        atomic.write_bytes(Path(output), text.encode(), force=force)
    return 0


def table(means: "list[dict[str, Any]]", count: int, unit: str) -> str:
    """Return the means of every label as text, "-" where there is none."""
    words = {"prediction": "not found", "truth": "made up", "both": "nowhere"}
    lines = [
        f"{'label':12} {'Dice':>6} {'Hausdorff 95 %':>15} {'Hausdorff':>10}  missed"
        f"   ({unit}; means of {count} volumes)"
    ]
    for mean in means:
        numbers = "{:>6} {:>15} {:>10}".format(
            number(mean["dice"], 3), number(mean["hausdorff95"], 2), number(mean["hausdorff"], 2)
        )
        missed = [f"{words[which]} in {many}" for which, many in mean["missed"].items() if many]
        lines.append(f"{mean['label']:12} {numbers}  {', '.join(missed) or 'never'}")
    known = [mean["dice"] for mean in means if mean["dice"] is not None]
    return "\n".join([*lines, f"{'all':12} {number(sum(known) / len(known) if known else None, 3):>6}"])


def dice_table(names: list[str], rows: "list[list[dict[str, Any]]]") -> str:
    """Return Dice's coefficient of every label in every volume as text."""
    width = max(len(name) for name in names)
    head = [f"{'Dice':{width}}", *(f"{one['label']:>9}" for one in rows[0])]
    lines = [
        " ".join([f"{shown_path(name):{width}}", *(f"{number(one['dice'], 3):>9}" for one in row)])
        for name, row in zip(names, rows, strict=True)
    ]
    return "\n".join([" ".join(head), *lines])


def number(value: float | None, digits: int) -> str:
    """Return a number as the table shows it."""
    return "-" if value is None else f"{value:.{digits}f}"


def common_spacing(volumes: "list[Phantom]") -> "Spacing | None":
    """Return the size of cells of volumes, None if they do not say it; refuse volumes that differ."""
    from convolve.errors import ArgumentError  # as above
    from convolve.medical.spacing import differ, shown

    if volumes[0].unit != "mm":
        note("the volumes do not say how large their cells are; nobody will be warned of other sizes")
        return None
    sizes = sorted(one.spacing for one in volumes)
    middle = sizes[len(sizes) // 2]
    for one in volumes:
        if differ(one.spacing, middle):
            raise ArgumentError(
                f"all volumes must have cells of one size, within a tenth, but {shown_path(one.name)} has "
                f"{shown(one.spacing)} and others {shown(middle)}; resample them, or pass --any-spacing"
            )
    return middle


def pairs(data: str, seeds: range) -> "tuple[list[Phantom], tuple[str, ...]]":
    """Return volumes with their labels, and the labels' names."""
    from dataclasses import replace

    from convolve import medical  # as above

    if data == PHANTOM and not Path(data).is_dir():
        return [replace(medical.phantom(seed=seed), name=f"phantom {seed}") for seed in seeds], medical.LABELS
    from convolve.medical.pairs import read_pairs  # as above

    volumes = read_pairs(Path(data))
    most = max(int(one.labels.max()) for one in volumes)
    return volumes, ("0", *(str(number) for number in range(1, most + 1)))
