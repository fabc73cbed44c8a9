"""Folders of class folders of pictures."""

from pathlib import Path

import numpy as np
import pytest

from convolve import files, nn
from convolve.errors import FileFormatError, FileMissingError


def write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = "YX" if array.ndim == 2 else "YXC"
    files.write(path, files.Picture(array, axes, alpha=array.ndim == 3 and array.shape[2] == 4))


def test_pictures_get_one_size_and_the_folders_names(tmp_path: Path) -> None:
    write(tmp_path / "b" / "1.png", np.full((10, 20), 200, np.uint8))
    write(tmp_path / "a" / "2.png", np.full((6, 6), 65535, np.uint16))
    write(tmp_path / "a" / "1.png", np.full((30, 10), 100, np.uint8))
    (tmp_path / "a" / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden").mkdir()
    data = nn.image_folder(tmp_path, (8, 4))
    assert data.classes == ("a", "b") and data.targets.tolist() == [0, 0, 1]
    assert data.images.shape == (3, 1, 8, 4) and data.images.dtype == np.uint8
    assert [np.unique(image).tolist() for image in data.images] == [[100], [255], [200]]
    images, _ = data.take(np.array([1]))
    assert images.dtype == np.float32 and images.max() == 1


def test_colours_are_kept_and_what_is_transparent_is_black(tmp_path: Path) -> None:
    colours = np.zeros((4, 4, 4), np.uint8)
    colours[..., 0], colours[:, :2, 3] = 255, 255
    write(tmp_path / "a" / "1.png", colours)
    write(tmp_path / "b" / "1.png", np.full((4, 4), 50, np.uint8))
    data = nn.image_folder(tmp_path, 4)
    assert data.images.shape == (2, 3, 4, 4)
    assert data.images[0, :, 0].tolist() == [[255, 255, 0, 0], [0] * 4, [0] * 4]
    assert np.unique(data.images[1]).tolist() == [50]
    grey = nn.image_folder(tmp_path, 4, channels=1)
    assert grey.images[0, 0, 0].tolist() == [76, 76, 0, 0]


def test_the_middle_is_taken(tmp_path: Path) -> None:
    wide = np.zeros((2, 6), np.uint8)
    wide[:, 2:4] = 255
    write(tmp_path / "a" / "1.png", wide)
    write(tmp_path / "b" / "1.png", wide)
    assert np.unique(nn.image_folder(tmp_path, 2).images).tolist() == [255]


def test_refusals_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileMissingError, match="is no folder"):
        nn.image_folder(tmp_path / "nowhere")
    write(tmp_path / "a" / "1.png", np.zeros((2, 2), np.uint8))
    with pytest.raises(FileMissingError, match="at least two; .* has 1"):
        nn.image_folder(tmp_path)
    (tmp_path / "b").mkdir()
    with pytest.raises(FileMissingError, match="holds no picture"):
        nn.image_folder(tmp_path)
    (tmp_path / "b" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(FileFormatError, match=r"bad\.png"):
        nn.image_folder(tmp_path)
