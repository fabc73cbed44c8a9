"""Faces cut out, and five points brought where they belong."""

import numpy as np
import pytest

from convolve import faces
from convolve.errors import ArgumentError, FileFormatError, ShapeError
from convolve.files import Picture
from tests import seeds
from tests.peers import peer


def test_similarity_is_scikit_images() -> None:
    transform, random = peer("skimage.transform"), seeds.generator(41)
    for _ in range(50):
        count = int(random.integers(2, 9))
        source, target = random.normal(size=(2, count, 2)) * 50
        known = transform.SimilarityTransform.from_estimate(source, target)
        np.testing.assert_allclose(faces.similarity(source, target), known.params[:2], atol=1e-6)


def test_mirrored_points_are_not_mirrored() -> None:
    source = np.array([[0.0, 0], [4, 0], [2, 3]])
    found = faces.similarity(source, source * (-1, 1))
    assert np.linalg.det(found[:, :2]) > 0


def test_points_stand_where_networks_expect_them() -> None:
    angle, side = 0.4, 300
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * 1.7
    points = faces.POINTS @ turn.T + (110, 20)
    y, x = np.mgrid[:side, :side] + 0.5
    spots = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / 40) for px, py in points)
    picture = Picture((spots / spots.max() * 255).astype(np.uint8), "YX")
    aligned = faces.align(picture, points).array.astype(float)
    assert aligned.shape == (112, 112)
    for px, py in faces.POINTS:
        near = aligned[int(py) - 6 : int(py) + 7, int(px) - 6 : int(px) + 7]
        row, column = np.unravel_index(near.argmax(), near.shape)
        assert abs(int(py) - 6 + row + 0.5 - py) <= 1.5 and abs(int(px) - 6 + column + 0.5 - px) <= 1.5


def test_points_in_place_change_nothing() -> None:
    cells = seeds.generator(42).integers(0, 256, (112, 112, 3), np.uint8)
    np.testing.assert_array_equal(faces.align(Picture(cells, "YXC"), faces.POINTS).array, cells)


def test_crops_are_squares_and_repeat_edges() -> None:
    cells = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30)
    picture = Picture(cells, "YX")
    np.testing.assert_array_equal(faces.crop(picture, (5, 5, 15, 15), 0).array, cells[5:15, 5:15])
    wide = faces.crop(picture, (0, 0, 10, 6), 0.5).array
    assert wide.shape == (20, 20) and wide[0, 0] == cells[0, 0]
    assert faces.crop(picture, (5, 5, 15, 15), 0.2).array.shape == (14, 14)


def test_refusals() -> None:
    picture = Picture(np.zeros((20, 30), np.uint8), "YX")
    for box in ((50, 50, 60, 60), (5, 5, 5, 5), (0, 0, 1e9, 1e9)):
        with pytest.raises(ArgumentError, match="must lie in the picture"):
            faces.crop(picture, box)
    with pytest.raises(ShapeError, match="four finite numbers"):
        faces.crop(picture, (0, 0, np.nan, 3))
    with pytest.raises(ArgumentError, match="margin"):
        faces.crop(picture, (0, 0, 9, 9), 2)
    with pytest.raises(FileFormatError, match="not a film"):
        faces.crop(Picture(np.zeros((2, 20, 30), np.uint8), "TYX"), (0, 0, 9, 9))
    with pytest.raises(ShapeError, match="five pairs"):
        faces.align(picture, [[1, 2]])
    with pytest.raises(ArgumentError, match="differ from each other"):
        faces.align(picture, np.ones((5, 2)))
    with pytest.raises(ArgumentError, match="side must be"):
        faces.align(picture, faces.POINTS, 10**6)
