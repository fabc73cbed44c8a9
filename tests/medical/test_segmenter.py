"""A `Segmenter` keeps network, labels, preparation and size of cells in one file, and applies them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convolve import files, medical, nn
from convolve.errors import ArgumentError, ArgumentTypeError, FileFormatError, ShapeError
from convolve.files import Picture
from convolve.medical.pairs import read_pairs
from convolve.nn import models
from tests.cli.process import inside
from tests.peers import peer

NAMES = ("air", "body")
SPACING = (3.0, 1.0, 0.5)


def segmenter(**more: Any) -> medical.Segmenter:
    return medical.Segmenter(medical.unet(2, width=4, seed=1), NAMES, **{"spacing": SPACING, **more})


@pytest.mark.parametrize("suffix", [".safetensors", ".onnx"])
def test_all_of_it_comes_back(tmp_path: Path, suffix: str) -> None:
    peer("safetensors" if suffix == ".safetensors" else "onnx")
    first = segmenter(preparation=medical.Preparation(40, 80))
    first.save(tmp_path / f"one{suffix}")
    again = medical.Segmenter.load(tmp_path / f"one{suffix}")
    assert (again.labels, again.spacing, again.preparation) == (NAMES, SPACING, first.preparation)
    volume = medical.phantom((8, 18, 19)).image
    assert np.array_equal(again(volume, SPACING), first(volume))


def test_the_stored_preparation_is_applied() -> None:
    volume = medical.phantom((8, 18, 19)).image
    own, fixed = segmenter(), segmenter(preparation=medical.Preparation(40, 80))
    assert (
        np.array_equal(own(volume), own(volume * 7 + 3)) or (own(volume) != own(volume * 7 + 3)).mean() < 0.01
    )
    network = fixed.network
    wanted = network(medical.Preparation(40, 80)(volume)).argmax(axis=1)[:, :18, :19]
    assert np.array_equal(fixed(volume), wanted) and not np.array_equal(fixed(volume), own(volume))
    for wrong in ({"mean": 1.0}, {"mean": 0.0, "std": 0.0}, {"mean": np.nan, "std": 1.0}):
        with pytest.raises(ArgumentError, match="mean"):
            medical.Preparation(**wrong)


def test_cells_of_another_size_are_refused() -> None:
    one, volume = segmenter(), np.zeros((2, 8, 8))
    one(volume, (3.2, 1.0, 0.5))
    with pytest.raises(ArgumentError, match=r"within 10%.*3 × 1 × 0.5 mm.*has 6 × 1 × 0.5 mm"):
        one(volume, (6.0, 1.0, 0.5))
    with pytest.raises(ArgumentError, match="spacing must be a positive number"):
        one(volume, (3.0, 1.0))
    segmenter(spacing=None)(volume, (6.0, 1.0, 0.5))


def test_what_does_not_fit_is_refused() -> None:
    network = medical.unet(2, width=4)
    for labels in (("air",), ("air", "air"), ("a", "b", "c")):
        with pytest.raises(ArgumentError, match="label"):
            medical.Segmenter(network, labels)(np.zeros((2, 8, 8)))
    flat = nn.Sequential(nn.Flatten(), nn.Linear(64, 2), input_shape=(1, 8, 8))
    with pytest.raises(ShapeError, match=r"must take float32 \(N, 3, height, width\)"):
        medical.Segmenter(flat, NAMES)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    peer("safetensors")
    one = segmenter()
    good = {
        "classes": list(NAMES),
        "volume preparation": one.preparation.as_json(),
        "spacing in mm": [3, 1, 1],
    }
    wrong: list[dict[str, Any]] = [
        {"volume preparation": None},
        {"volume preparation": {**good["volume preparation"], "neighbouring slices": 2}},  # type: ignore[dict-item]
        {"volume preparation": {**good["volume preparation"], "mean": "x"}},  # type: ignore[dict-item]
        {"spacing in mm": [3, 1]},
        {"spacing in mm": {"a": 1}},
        {"classes": "ab"},
        {"classes": [1, 2]},
    ]
    for number, change in enumerate(wrong):
        path = tmp_path / f"{number}.safetensors"
        models.write(path, one.network, {**good, **change})
        with pytest.raises(FileFormatError, match=str(number)):
            medical.Segmenter.load(path)
    nn.save(one.network, tmp_path / "bare.safetensors", classes=NAMES)
    with pytest.raises(FileFormatError, match="must say how volumes are prepared"):
        medical.Segmenter.load(tmp_path / "bare.safetensors")


def write(name: str, array: np.ndarray, spacing: tuple[float, ...] | None, unit: str | None = "mm") -> None:
    files.write(name, Picture(array, "ZYX", False, spacing, unit), force=True)


def test_the_command_line_checks_the_size_of_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer("nibabel"), peer("safetensors")
    monkeypatch.chdir(tmp_path)
    segmenter(spacing=(3.0, 1.0, 1.0)).save("one.safetensors")
    volume = np.arange(3 * 8 * 8, dtype=np.float32).reshape(3, 8, 8)
    write("other.nii.gz", volume, (1.5, 1.0, 1.0))
    write("same.nii.gz", volume, (3000.0, 1000.0, 1000.0), "µm")
    write("unknown.npy", volume, None, None)
    run = ("segment", "run", "one.safetensors")
    done = inside(*run, "other.nii.gz", "-o", "a.nii.gz")
    assert done.returncode == 1 and "other.nii.gz has 1.5 × 1 × 1 mm" in done.stderr
    assert not Path("a.nii.gz").exists()
    done = inside(*run, "other.nii.gz", "-o", "a.nii.gz", "--any-spacing")
    assert done.returncode == 0 and "learned from cells of 3 × 1 × 1 mm" in done.stderr
    done = inside(*run, "same.nii.gz", "-o", "b.nii.gz")
    assert done.returncode == 0 and "learned from" not in done.stderr and "body: " in done.stderr
    done = inside(*run, "unknown.npy", "-o", "c.npy")
    assert done.returncode == 0 and "does not say how large its cells are" in done.stderr
    Path("pairs").mkdir()
    for name, size in (("a", 1.0), ("b", 2.0)):
        write(f"pairs/{name}_image.nii.gz", volume, (3.0, size, size))
        write(f"pairs/{name}_label.nii.gz", (volume > 90).astype(np.uint8), (3.0, size, size))
    done = inside("segment", "train", "pairs", "-o", "two.safetensors")
    assert done.returncode == 1 and "all volumes must have cells of one size" in done.stderr
    done = inside("segment", "score", "one.safetensors", "pairs")
    assert done.returncode == 1 and "b_image.nii.gz has 3 × 2 × 2 mm" in done.stderr


def test_labels_must_lie_where_their_volume_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nibabel = peer("nibabel")
    monkeypatch.chdir(tmp_path)
    image, label = np.zeros((8, 8, 4), np.float32), np.zeros((8, 8, 4), np.uint8)
    straight = np.diag([1.0, 1.0, 3.0, 1.0])
    flipped = straight.copy()
    flipped[0, 0], flipped[0, 3] = -1, 7
    nibabel.save(nibabel.Nifti1Image(image, straight), "a_image.nii.gz")
    for affine, words in (
        (flipped, "corners 14 mm apart|corners 7 mm apart"),
        (np.diag([1, 1, 4, 1]), "cells of one"),
    ):
        nibabel.save(nibabel.Nifti1Image(label, affine), "a_label.nii.gz")
        with pytest.raises(FileFormatError, match=words):
            read_pairs(Path())
    nibabel.save(nibabel.Nifti1Image(label, straight), "a_label.nii.gz")
    assert read_pairs(Path())[0].spacing == (3.0, 1.0, 1.0)


def test_micrometres_of_tiff_are_read_as_mm(tmp_path: Path) -> None:
    peer("tifffile")
    volume = np.zeros((4, 8, 8), np.uint8)
    for name in ("a_image", "a_label"):
        files.write(tmp_path / f"{name}.tif", Picture(volume, "ZYX", False, (2.0, 0.5, 0.5), "µm"))
    assert read_pairs(tmp_path)[0].spacing == pytest.approx((0.002, 0.0005, 0.0005))


def test_phantoms_refuse_bad_spacing_and_seeds() -> None:
    for spacing in ((1, 0, 1), (1, np.nan, 1), (1, 1), (1, 1, -1), "abc", None, (1, 1, 1e-6), 3):
        with pytest.raises(ArgumentError, match="spacing"):
            medical.phantom((8, 8, 8), spacing)  # type: ignore[arg-type]
    for seed in (-1, 1.5, "x", None, True):
        with pytest.raises((ArgumentError, ArgumentTypeError), match="seed"):
            medical.phantom((8, 8, 8), seed=seed)  # type: ignore[arg-type]
    for shape in ((8, 8), (8, 8.5, 8), (8, 8, 7)):
        with pytest.raises((ArgumentError, ArgumentTypeError), match="shape"):
            medical.phantom(shape)  # type: ignore[arg-type]
