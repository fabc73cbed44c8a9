"""Pictures told apart, from the first epoch to another program: train, score, calibrate, export.

``python examples/classification.py`` does all of it twice: with scikit-learn's digits, and with a folder of
class folders that it makes of three photographs of scikit-image (brick, grass, gravel), cut into patches.
What is learned from, what decides on the best epoch and on the temperature, and what is scored in the end
are three different parts; of the photographs, the last is a strip that no other patch comes from.

The network is exported to ONNX. ONNX Runtime, if it is installed, gives the same labels: to what convolve
prepares, and to what Pillow prepares as the file says. With ``--picture FILE`` the figures are drawn.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from convolve import nn
from convolve.errors import ArgumentError
from convolve.nn.training.networks import small_network

TEXTURES = ("brick", "grass", "gravel")
PATCH, SIZE = 24, 16
"""Cells of a patch's side, and of what is made of it: little enough to be taken for something else."""

TESTED = 384
"""Column of the photographs (512 × 512) from which on nothing is learned."""


@dataclass
class Task:
    """What is to be told apart: a part to learn from, one to decide with, and one to be scored."""

    learned: nn.Data
    held_back: nn.Data
    tested: nn.Data


def cut(folder: Path) -> None:
    """Make class folders of patches: learn/brick/000.png and so on, and test/brick."""
    from skimage import data

    for name in TEXTURES:
        photograph = getattr(data, name)()
        for part in ("learn", "test"):
            (folder / part / name).mkdir(parents=True)
        for number, (row, column) in enumerate(np.ndindex(21, 21)):
            top, left = row * PATCH, column * PATCH
            part = "test" if left >= TESTED else "learn"
            patch = Image.fromarray(photograph[top : top + PATCH, left : left + PATCH])
            patch.save(folder / part / name / f"{number:03}.png")


def textures(folder: Path) -> Task:
    """Return patches of photographs, read from class folders."""
    cut(folder)
    learned, held_back = nn.image_folder(folder / "learn", SIZE).split(0.2)
    return Task(learned, held_back, nn.image_folder(folder / "test", SIZE))


def digits(folder: Path) -> Task:
    """Return scikit-learn's digits, 8 × 8; those that are scored are pictures in a folder, too."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = (pixels.reshape(-1, 1, 8, 8) * (255 / 16)).round().astype(np.uint8)
    names = tuple(str(folder / f"{number:04}.png") for number in range(len(images)))
    rest, tested = nn.Data(images, labels, tuple("0123456789"), names).split(0.3)
    for name, image in zip(tested.names, tested.images, strict=True):
        Image.fromarray(image[0]).save(name)
    return Task(*rest.split(0.2), tested)


def trained(task: Task, epochs: int) -> nn.Classifier:
    """Return the network of the best epoch, with names and preprocessing."""
    shape = task.learned.images.shape[1:]
    found = nn.fit(
        small_network(shape, len(task.learned.classes)),
        task.learned,
        epochs=epochs,
        validation=task.held_back,
        optimiser=nn.AdamW(3e-3),
        schedule=nn.CosineDecay(warmup=epochs / 10),
        augment=nn.Augment(shift=1),
    )
    return nn.Classifier(found.network, found.classes, nn.Preprocessing(shape[1:], shape[0]))


def calibrated(classifier: nn.Classifier, data: nn.Data) -> nn.Classifier:
    """Return it with the temperature that fits some data; as it is, where all of these are right."""
    images, targets = data.take(np.arange(len(data)))
    try:
        temperature = nn.temperature(classifier.network(images), targets)
    except ArgumentError as error:
        print(error)
        return classifier
    network = nn.with_temperature(classifier.network, temperature)
    return nn.Classifier(network, classifier.classes, classifier.preprocessing)


def by_pillow(file: str, how: dict[str, Any]) -> Any:
    """Return a picture as a model's metadata says, without convolve: 8 bits, grey or RGB, not transparent."""
    image = Image.open(file).convert("L" if how["channels"] == 1 else "RGB")
    height, width = how["size"]
    scale = max(height / image.height, width / image.width) / how["crop share"]
    covering = max(width, round(image.width * scale)), max(height, round(image.height * scale))
    left, top = (covering[0] - width) // 2, (covering[1] - height) // 2
    image = image.resize(covering, Image.Resampling.BILINEAR).crop((left, top, left + width, top + height))
    cells = np.asarray(image, np.float32).reshape(height, width, -1).transpose(2, 0, 1)[None] / 255
    mean, std = (np.array(how[name], np.float32).reshape(1, -1, 1, 1) for name in ("mean", "std"))
    return (cells - mean) / std


def by_onnx_runtime(model: Path, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the labels that ONNX Runtime gives: of what convolve prepares, and of what Pillow does."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    facts = json.loads(session.get_modelmeta().custom_metadata_map["convolve"])
    ours = nn.Preprocessing.from_json(facts["preprocessing"])
    for name in names:
        prepared = ours(name), by_pillow(name, facts["preprocessing"])
        numbers = [session.run(None, {"input": one})[0].argmax() for one in prepared]
        yield facts["classes"][numbers[0]], facts["classes"][numbers[1]]


def same_labels(classifier: nn.Classifier, names: tuple[str, ...], model: Path) -> tuple[int, int] | None:
    """Export, and count pictures to which ONNX Runtime gives the same label: prepared by us, by Pillow."""
    classifier.save(model)
    try:
        labels = list(by_onnx_runtime(model, names))
    except ImportError:
        return None
    own = [classifier.ranked(name, 1)[0][0] for name in names]
    ours, pillow = zip(*labels, strict=True)
    return sum(map(str.__eq__, own, ours)), sum(map(str.__eq__, own, pillow))


def scored(classifier: nn.Classifier, data: nn.Data) -> nn.Scores:
    """Return the figures on some data."""
    return nn.scores(classifier.probabilities(data.images), data.targets, data.classes)


def draw(found: dict[str, nn.Scores], path: Path) -> None:
    """Draw matrices and reliability of both tasks."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 10), layout="constrained")
    for (name, scores), axes in zip(found.items(), figure.subplots(2, 2), strict=True):
        scores.plot(axes)
        axes[0].set_title(f"{name}: {axes[0].get_title()} of {scores.images}")
    figure.savefig(path, dpi=90)


def report(quick: bool = False, picture: Path | None = None) -> dict[str, Any]:
    """Print the figures of both tasks, draw them, and return what was found."""
    found: dict[str, Any] = {}
    for name, task_of in (("digits", digits), ("textures", textures)):
        with tempfile.TemporaryDirectory() as folder:
            task, start = task_of(Path(folder)), time.perf_counter()
            plain = trained(task, 3 if quick else 20)
            seconds = time.perf_counter() - start
            warm = calibrated(plain, task.held_back)
            before, after = scored(plain, task.tested), scored(warm, task.tested)
            asked = task.tested.names[:: 8 if quick else 1]
            same = same_labels(warm, asked, Path(folder) / "model.onnx")
        print(f"== {name}: trained in {seconds:.1f} s\n\n{after}\n")
        for what, scores in (("without temperature", before), ("with", after)):
            print(f"{what:20} log loss {scores.log_loss:.4f}  ECE {100 * scores.calibration.error:.1f} %")
        told = "not installed" if same is None else f"{same[0]}, prepared by Pillow {same[1]}"
        print(f"same labels from ONNX Runtime, of {len(asked)}: {told}\n")
        found[name] = {"before": before, "after": after, "asked": len(asked), "same": same}
    if picture is not None:
        draw({name: one["after"] for name, one in found.items()}, picture)
    return found


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few epochs")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="where the figures are drawn (PNG, SVG)")
    given = parser.parse_args()
    report(given.quick, given.picture)


if __name__ == "__main__":
    main()
