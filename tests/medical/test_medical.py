"""Phantoms, scores held to brute force and scikit-image, a U-Net that learns, and its command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from convolve import files, medical
from convolve.errors import ArgumentError, ShapeError
from convolve.files import Picture
from convolve.medical.surfaces import surface
from tests import seeds
from tests.cli.process import inside
from tests.peers import peer


def test_a_phantom_follows_from_its_seed() -> None:
    first, again, other = (medical.phantom((9, 20, 21), seed=seed) for seed in (4, 4, 5))
    assert np.array_equal(first.image, again.image) and np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.labels, other.labels)
    assert set(np.unique(first.labels)) == {0, 1, 2, 3}
    means = [first.image[first.labels == label].mean() for label in range(4)]
    assert means == sorted(means)
    with pytest.raises(ShapeError, match="3 dimensions of 8 cells or more"):
        medical.phantom((4, 9, 9))


def masks() -> tuple[np.ndarray, np.ndarray]:
    draw = seeds.generator(31)
    return draw.random((6, 7, 8)) < 0.3, draw.random((6, 7, 8)) < 0.3


def test_hausdorff_is_brute_forces() -> None:
    first, second = masks()
    spacing = (3.0, 1.0, 0.5)
    points = [np.argwhere(surface(one)) * spacing for one in (first, second)]
    apart = np.linalg.norm(points[0][:, None] - points[1][None], axis=2)
    for percentile in (100, 95, 50):
        wanted = max(np.percentile(apart.min(axis=axis), percentile) for axis in (0, 1))
        assert medical.hausdorff(first, second, spacing, percentile) == pytest.approx(wanted, rel=1e-9)
    metrics = peer("skimage.metrics")
    theirs = metrics.hausdorff_distance(surface(first), surface(second))
    assert medical.hausdorff(first, second, (1, 1, 1)) == pytest.approx(theirs, rel=1e-9)
    inner = np.zeros((5, 5, 5), bool)
    inner[1:4, 1:4, 1:4] = True
    assert surface(inner).sum() == 26 and not surface(inner)[2, 2, 2]


def test_dice_and_what_is_empty() -> None:
    first, second = masks()
    assert medical.dice(first, second) == pytest.approx(
        2 * (first & second).sum() / (first.sum() + second.sum())
    )
    nothing = np.zeros_like(first)
    assert (medical.dice(nothing, nothing), medical.hausdorff(nothing, nothing, (1, 1, 1))) == (1.0, 0.0)
    assert (medical.dice(first, nothing), medical.hausdorff(first, nothing, (1, 1, 1))) == (0.0, float("inf"))
    with pytest.raises(ShapeError, match="must have one shape"):
        medical.dice(first, first[1:])
    with pytest.raises(ArgumentError, match="spacing must be a positive number per dimension"):
        medical.hausdorff(first, second, (1, 0, 1))
    with pytest.raises(ArgumentError, match="percentile must be from 0 to 100"):
        medical.hausdorff(first, second, (1, 1, 1), 101)


def test_labels_do_not_depend_on_slices_computed_together() -> None:
    made = medical.phantom((17, 22, 23), seed=2)
    network = medical.unet(width=4, seed=1)
    whole = medical.segment(made.image, network)
    assert whole.shape == made.labels.shape and whole.dtype == np.uint8
    assert np.array_equal(whole, medical.segment(np.asfortranarray(made.image), network))


def test_it_learns_and_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer("nibabel"), peer("safetensors")
    monkeypatch.chdir(tmp_path)
    Path("pairs").mkdir()
    for seed in range(3):
        made = medical.phantom((10, 40, 40), seed=seed)
        simple = np.minimum(made.labels, 1)
        files.write(f"pairs/{seed}_image.nii.gz", Picture(made.image, "ZYX", False, made.spacing, "mm"))
        files.write(f"pairs/{seed}_label.nii.gz", Picture(simple, "ZYX", False, made.spacing, "mm"))
    done = inside("segment", "train", "pairs", "-o", "unet.safetensors", "--epochs", "4", "--batch-size", "4")
    assert done.returncode == 0 and "3 volumes of 2 labels" in done.stderr
    done = inside("segment", "score", "unet.safetensors", "pairs", "-o", "scores.json")
    assert done.returncode == 0, done.stderr
    assert json.loads(Path("scores.json").read_text())["means"][0]["dice"] > 0.9
    done = inside("segment", "run", "unet.safetensors", "pairs/0_image.nii.gz", "-o", "found.nii.gz")
    assert done.returncode == 0 and "1: " in done.stderr
    nibabel = peer("nibabel")
    found, image = nibabel.load("found.nii.gz"), nibabel.load("pairs/0_image.nii.gz")
    assert found.affine.tobytes() == image.affine.tobytes() and found.get_data_dtype() == np.uint8
    Path("pairs/9_image.nii.gz").write_bytes(Path("pairs/0_image.nii.gz").read_bytes())
    refused = inside("segment", "score", "unet.safetensors", "pairs")
    assert refused.returncode == 1 and "there is no 9_label.nii.gz" in refused.stderr
    refused = inside("segment", "train", "none", "-o", "other.safetensors")
    assert refused.returncode == 1 and "there is no folder none" in refused.stderr
    refused = inside("segment", "run", "unet.safetensors", "pairs/0_image.nii.gz", "-o", "found.nii.gz")
    assert refused.returncode == 1 and "not overwritten unasked" in refused.stderr
