"""The detector: one call per size of the picture, the same numbers as window by window, and faces found."""

from pathlib import Path

import numpy as np
import pytest

from convolve import faces, files, nn
from convolve.detection import iou
from convolve.errors import ArgumentError, ConvolveError, FileFormatError, ShapeError
from convolve.faces.detector import grouped
from convolve.faces.pyramid import levels
from convolve.files import Picture
from tests import seeds
from tests.faces.making import detector
from tests.peers import peer

PORTRAIT = (165, 60, 285, 185)
"""Brow to chin and ear to ear of scikit-image's astronaut, read off by eye."""


def test_a_map_is_what_each_window_gives_by_itself() -> None:
    peer("skimage")
    cells = seeds.generator(43).random((1, 1, 61, 49)).astype(np.float32)
    whole = detector().logits(cells)
    assert whole.shape == (1, 1, 10, 7)
    for row, column in ((0, 0), (9, 6), (4, 5)):
        window = cells[:, :, 4 * row : 4 * row + 25, 4 * column : 4 * column + 25]
        assert detector().logits(window)[0, 0, 0, 0] == pytest.approx(whole[0, 0, row, column], abs=1e-4)


def test_it_tells_patches_that_it_has_not_seen() -> None:
    peer("skimage")
    rest = faces.face_patches().split(0.3, 0)[1]
    assert len(rest) == 60
    assert faces.patch_accuracy(detector(), rest) >= 0.93  # one short round; the page's figures are of three


def test_a_box_is_the_portraits_face() -> None:
    data = peer("skimage").data
    found = detector()(Picture(data.astronaut(), "YXC"), score=0.5)
    assert iou(found.boxes, [PORTRAIT]).max() > 0.4
    assert (np.diff(found.scores) <= 0).all()


def test_boxes_follow_the_picture() -> None:
    """The same picture at half the size has boxes half as large."""
    data = peer("skimage").data
    large = detector()(Picture(data.astronaut(), "YXC"), smallest=64)
    half = Picture(data.astronaut().reshape(256, 2, 256, 2, 3).mean(axis=(1, 3)).astype(np.uint8), "YXC")
    small = detector()(half, smallest=32)
    assert iou(large.boxes[:1], small.boxes[:1] * 2)[0, 0] > 0.8


def test_windows_of_one_face_are_one_box() -> None:
    boxes = np.array([[0, 0, 100, 100], [5, 0, 105, 100], [30, 60, 60, 90], [200, 0, 240, 40]], float)
    assert grouped(boxes, np.array([3.0, 2, 1, 0])).tolist() == [0, 3]
    assert grouped(np.zeros((0, 4)), np.zeros(0)).tolist() == []


def test_levels_shrink_until_the_window_no_longer_fits() -> None:
    found = list(levels(np.zeros((100, 60), np.float32), 25))
    assert [one.cells.shape[1] for one in found] == [60, 48, 38, 30]
    assert all(min(one.cells.shape) >= 25 for one in found)
    box = found[2].boxes(np.array([0]), np.array([0]))[0]
    assert box[2:] == pytest.approx(25 * 2 ** (2 / 3), rel=0.02)
    assert list(levels(np.zeros((20, 20), np.float32), 25)) == []
    with pytest.raises(ArgumentError, match="look for 50 pixels or more"):
        list(levels(np.zeros((4096, 4096), np.float32), 25))
    with pytest.raises(ArgumentError, match="smallest must be"):
        list(levels(np.zeros((40, 40), np.float32), float("nan")))


@pytest.mark.parametrize("shape", [(1, 1), (24, 200), (25, 25), (40, 30, 3), (40, 30, 4)])
def test_pictures_of_any_size(shape: tuple[int, ...]) -> None:
    peer("skimage")
    axes = "YX" if len(shape) == 2 else "YXC"
    found = detector()(Picture(np.full(shape, 90, np.uint8), axes, alpha=shape[-1] == 4))
    assert found.boxes.shape == (len(found), 4)


@pytest.mark.parametrize("suffix", ["safetensors", "onnx"])
def test_files(tmp_path: Path, suffix: str) -> None:
    peer("skimage"), peer("onnx")
    path, cells = tmp_path / f"faces.{suffix}", np.full((1, 1, 40, 40), 0.3, np.float32)
    detector().save(path)
    again = faces.FaceDetector.load(path)
    assert again.score == detector().score
    np.testing.assert_allclose(again.logits(cells), detector().logits(cells), atol=1e-6)
    with pytest.raises(ConvolveError, match="--force"):
        detector().save(path)


def test_refusals(tmp_path: Path) -> None:
    peer("skimage")
    plain = nn.Sequential(nn.Conv2d(1, 1, 3), input_shape=(1, None, None))
    with pytest.raises(ShapeError, match="must make 1 x 1 numbers of 25 x 25 cells"):
        faces.FaceDetector(plain)
    with pytest.raises(ShapeError, match="grey pictures"):
        faces.FaceDetector(nn.Sequential(nn.Conv2d(3, 1, 25), input_shape=(3, 25, 25)))
    nn.save(plain, tmp_path / "plain.safetensors")
    with pytest.raises(FileFormatError, match="must be a face detector"):
        faces.FaceDetector.load(tmp_path / "plain.safetensors")
    with pytest.raises(ArgumentError, match="score must be"):
        detector()(Picture(np.zeros((30, 30), np.uint8), "YX"), score=1.5)
    with pytest.raises(FileFormatError, match="not a film"):
        detector()(Picture(np.zeros((3, 30, 30), np.uint8), "TYX"))
    with pytest.raises(ArgumentError, match="must be of the classes faces and others"):
        faces.train_detector(nn.Data(np.zeros((4, 1, 25, 25)), np.array([0, 1, 0, 1]), ("a", "b")))


def test_a_folder_of_patches(tmp_path: Path) -> None:
    for name in ("faces", "others"):
        (tmp_path / name).mkdir()
        files.write(tmp_path / name / "1.png", Picture(np.zeros((50, 40, 3), np.uint8), "YXC"))
    assert faces.patch_folder(tmp_path).images.shape == (2, 1, 25, 25)
    (tmp_path / "others").rename(tmp_path / "trees")
    with pytest.raises(FileFormatError, match="two folders, faces and others; it has faces, trees"):
        faces.patch_folder(tmp_path)
