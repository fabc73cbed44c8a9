"""Pictures of any kind are prepared as in the training, to the bit; what a file says of it is checked."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convolve import files, nn
from convolve.errors import ArgumentError, FileFormatError, ShapeError
from tests.examples.loading import example

RANDOM = np.random.default_rng(5)
KINDS = {
    "grey": (RANDOM.integers(0, 256, (21, 34), np.uint8), "YX", False),
    "colours": (RANDOM.integers(0, 256, (40, 33, 3), np.uint8), "YXC", False),
    "16 bits": (RANDOM.integers(0, 65536, (50, 20), np.uint16), "YX", False),
    "alpha": (RANDOM.integers(0, 256, (9, 70, 4), np.uint8), "YXC", True),
    "grey and alpha": (RANDOM.integers(0, 256, (12, 12, 2), np.uint8), "YXC", True),
    "one cell": (RANDOM.integers(0, 256, (1, 1), np.uint8), "YX", False),
    "the very size": (RANDOM.integers(0, 256, (12, 10, 3), np.uint8), "YXC", False),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return two classes, each with a picture of every kind."""
    path = tmp_path_factory.mktemp("kinds")
    for name in ("a", "b"):
        (path / name).mkdir()
        for kind, (array, axes, alpha) in KINDS.items():
            files.write(path / name / f"{kind}.png", files.Picture(array, axes, alpha))
    return path


@pytest.mark.parametrize("suffix", ["safetensors", "onnx"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_stored_model_prepares_pictures_to_the_bits_of_its_training(
    suffix: str, channels: int, folder: Path, tmp_path: Path
) -> None:
    data = nn.image_folder(folder, (12, 10), channels)
    learned, _ = data.take(np.arange(len(data)))
    network = nn.Sequential(nn.Flatten(), nn.Linear(channels * 120, 2), input_shape=(channels, 12, 10))
    file = tmp_path / f"model.{suffix}"
    nn.Classifier(network, data.classes, nn.Preprocessing((12, 10), channels)).save(file)
    again = nn.Classifier.load(file)
    assert again.preprocessing == nn.Preprocessing((12, 10), channels) and again.classes == ("a", "b")
    for name, image in zip(data.names, learned, strict=True):
        np.testing.assert_array_equal(again.preprocessing(name)[0], image, strict=True)


@pytest.mark.parametrize("size", [(7, 7), (32, 20), (60, 90), (25, 34)])
@pytest.mark.parametrize("channels", [1, 3])
def test_pillow_prepares_the_same_but_for_one_of_255(
    size: tuple[int, int], channels: int, tmp_path: Path
) -> None:
    smooth = np.cumsum(np.cumsum(RANDOM.normal(0, 6, (50, 68, 3)), axis=0), axis=1)
    array = np.asarray(np.clip(128 + smooth, 0, 255), np.uint8)
    files.write(tmp_path / "a.png", files.Picture(array, "YXC"))
    how = nn.Preprocessing(size, channels)
    theirs = example("classification").by_pillow(str(tmp_path / "a.png"), how.as_json())
    assert np.abs(255 * (how(tmp_path / "a.png") - theirs)).max() < 1.01


def test_imagenets_networks_get_224_of_256(tmp_path: Path) -> None:
    smooth = np.cumsum(np.cumsum(RANDOM.normal(0, 1, (300, 400, 3)), axis=0), axis=1)
    image = Image.fromarray(np.asarray(np.clip(128 + smooth, 0, 255), np.uint8))
    image.save(tmp_path / "a.png")
    left, top = (round(256 * 400 / 300) - 224) // 2, (256 - 224) // 2
    resized = image.resize((round(256 * 400 / 300), 256), Image.Resampling.BILINEAR)
    theirs = np.asarray(resized.crop((left, top, left + 224, top + 224)), np.float32)
    ours = nn.Preprocessing((224, 224), crop=0.875).cells(tmp_path / "a.png")
    assert np.abs(np.moveaxis(ours[0], 0, 2) - theirs).max() <= 1


def test_digits_stay_as_they_are() -> None:
    pixels = RANDOM.integers(0, 256, (8, 8), np.uint8)
    prepared = nn.Preprocessing((8, 8), 1)(files.Picture(pixels, "YX"))
    np.testing.assert_array_equal(prepared[0, 0], pixels / np.float32(255), strict=True)


def test_mean_and_std_are_as_everybody_has_them() -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    how = nn.Preprocessing((4, 4), 3, mean, std, crop=0.5)
    prepared = how(files.Picture(np.full((4, 4, 3), 51, np.uint8), "YXC"))
    wanted = (np.float64(0.2) - np.array(mean)) / np.array(std)
    np.testing.assert_allclose(prepared[0, :, 2, 2], wanted, rtol=1e-6)
    assert nn.Preprocessing.from_json(json.loads(json.dumps(how.as_json()))) == how


def test_own_size_is_kept_where_none_is_asked_for() -> None:
    assert nn.Preprocessing(None, 1)(files.Picture(np.zeros((5, 7, 3), np.uint8), "YXC")).shape == (
        1,
        1,
        5,
        7,
    )


@pytest.mark.parametrize(
    ("array", "axes", "words"),
    [
        (np.full((4, 4), 200.0), "YX", "from 0 to 1, or whole ones from 0 on, got 200 to 200"),
        (np.full((4, 4), np.nan), "YX", "from 0 to 1"),
        (np.full((4, 4), -3), "YX", "from 0 to 1"),
        (np.zeros((4, 4), complex), "YX", "must have numbers"),
        (np.zeros((0, 4), np.uint8), "YX", "must have numbers"),
        (np.zeros((4, 4, 5), np.uint8), "YXC", "three colours, it has 5"),
        (np.zeros((4, 4, 4), np.uint8), "TYX", "not a film or a stack"),
        (np.zeros((1, 1 << 22), np.uint8), "YX", "too long to cover 12x10"),
    ],
)
def test_what_is_no_picture_is_refused(array: Any, axes: str, words: str) -> None:
    with pytest.raises(FileFormatError, match=words):
        nn.Preprocessing((12, 10))(files.Picture(array, axes))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "version"),
        ({"resize": "nearest"}, "resize"),
        ({"size": [1, 2, 3]}, "height and width"),
        ({"size": [0, 3]}, "at least 1"),
        ({"size": [10**9, 3]}, "at most 4096"),
        ({"crop share": 0}, "crop must be from 0.1 to 1"),
        ({"crop share": float("nan")}, "crop must be from 0.1 to 1"),
        ({"crop share": "x"}, "must be a number"),
        ({"size": "ab"}, "whole number"),
        ({"size": 3}, "damaged"),
        ({"channels": 2}, "channels must be"),
        ({"channels": [3]}, "channels must be"),
        ({"mean": [float("nan")]}, "finite"),
        ({"std": [0.0]}, "above 0"),
        ({"std": [1.0, 2.0]}, "one for each of 3"),
        ({"mean": ["x"]}, "must be a number"),
        ({"mean": None}, "damaged"),
    ],
)
def test_what_a_file_says_is_checked(change: dict[str, Any], words: str) -> None:
    whole = nn.Preprocessing((4, 4)).as_json()
    with pytest.raises(FileFormatError, match=words):
        nn.Preprocessing.from_json({**whole, **change})
    for name in change:
        with pytest.raises(FileFormatError):
            nn.Preprocessing.from_json({key: value for key, value in whole.items() if key != name})
    with pytest.raises(FileFormatError, match="JSON object"):
        nn.Preprocessing.from_json([change])


def test_a_network_says_what_it_needs() -> None:
    free = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), input_shape=(3, None, None))
    assert nn.Preprocessing.of(free).size is None
    assert nn.Preprocessing.of(free, size=(20, 30)).size == (20, 30)
    fixed = nn.Sequential(nn.Conv2d(1, 4, 3), input_shape=(1, 8, 9))
    assert nn.Preprocessing.of(fixed) == nn.Preprocessing((8, 9), 1)
    with pytest.raises(ShapeError, match="pictures of 8x9, not of 9x9"):
        nn.Preprocessing.of(fixed, size=(9, 9))
    with pytest.raises(ShapeError, match="grey or coloured images"):
        nn.Preprocessing.of(nn.Sequential(nn.Conv2d(4, 4, 3), input_shape=(4, 8, 8)))
    with pytest.raises(ShapeError, match="leaves a size"):
        nn.Preprocessing.of(nn.Sequential(nn.Conv2d(3, 4, 3), input_shape=(3, 8, None)))
    with pytest.raises(ArgumentError, match="mean must have one number"):
        nn.Preprocessing.of(fixed, mean=(1.0, 2.0, 3.0))
