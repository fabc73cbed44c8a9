"""`vesselness` answers to lines and tubes of the width asked for, and as scikit-image's frangi does."""

import math
import warnings
from typing import Any

import numpy as np
import pytest

from convolve import files
from convolve.errors import ArgumentError, ShapeError
from convolve.features import vesselness
from convolve.features.scale_space import prepared
from convolve.features.vessels import BLOCK, eigenvalues, hessian_parts
from tests.peers import peer


def tube(spacing: tuple[float, ...], shape: tuple[int, ...] = (40, 44, 48)) -> Any:
    """Return a slanting tube of radius 2, in the spacing's unit, and the distance from its middle line."""
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1) * np.array(spacing)
    middle, direction = np.array(shape) * spacing / 2, np.array([1.0, 0.6, 0.4])
    direction /= np.linalg.norm(direction)
    beside = places - middle
    along = beside @ direction
    distance = np.sqrt(np.maximum((beside**2).sum(-1) - along**2, 0))
    return np.clip(2.5 - distance, 0, 1), distance


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.5, 0.75, 0.8)])
def test_tubes_in_volumes_whatever_the_cells(spacing: tuple[float, ...]) -> None:
    volume, distance = tube(spacing)
    found = vesselness(volume, 2 / math.sqrt(2), spacing=spacing)
    inside = (slice(8, -8),) * 3
    assert found[inside][distance[inside] < 0.5].min() > 0.5
    assert found[inside][distance[inside] > 5].max() < 0.02
    assert (
        vesselness(volume, 1.4, spacing=spacing, polarity="dark")[inside][distance[inside] < 0.5].max() == 0
    )


def test_plates_and_balls_are_no_tubes() -> None:
    z, y, x = np.mgrid[:30, :30, :30] - 15
    plate, ball = (np.abs(z) < 2).astype(float), (z**2 + y**2 + x**2 < 9).astype(float)
    assert vesselness(plate, 1.5)[15, 15, 15] < 1e-6
    assert vesselness(ball, 2.0)[15, 15, 15] < 0.2 < vesselness(tube((1.0,) * 3)[0], 1.5)[20, 22, 24]
    spot = (y[0] ** 2 + x[0] ** 2 < 9).astype(float)
    assert vesselness(spot, 2.0)[15, 15] < 0.2


def test_a_line_answers_most_at_its_own_width() -> None:
    image = np.zeros((64, 200))
    for column, half in ((40, 1), (120, 6)):
        image[:, column - half : column + half + 1] = 1
    answers = {sigma: vesselness(image, sigma, gamma=0.2)[32, [40, 120]] for sigma in (1.5, 4.0)}
    assert answers[1.5][0] > answers[4.0][0] and answers[4.0][1] > answers[1.5][1]
    both = vesselness(image, (1.5, 4.0), gamma=0.2)[32, [40, 120]]
    np.testing.assert_array_equal(both, [answers[1.5][0], answers[4.0][1]])


def test_curvatures_are_those_of_numpy(seed: int) -> None:
    random = np.random.default_rng(seed)
    for ndim in (2, 3):
        matrices = random.normal(size=(500, ndim, ndim)) * 10.0 ** random.integers(-9, 9, (500, 1, 1))
        matrices += matrices.transpose(0, 2, 1)
        matrices[:3] = np.zeros((ndim, ndim)), np.eye(ndim), np.diag(np.arange(ndim))
        upper = [matrices[:, i, j] for i in range(ndim) for j in range(i, ndim)]
        found, expected = np.stack(eigenvalues(upper)), np.linalg.eigvalsh(matrices)
        scale = np.abs(expected).max(1, keepdims=True)
        assert (np.abs(np.sort(found.T) - expected) <= 1e-7 * scale).all()
        assert (np.diff(np.abs(found), axis=0) >= 0).all()


def test_the_same_as_scikit_image_inside_the_image() -> None:
    peer("skimage")
    filters = peer("skimage.filters")
    image = files.sample("medical").array[..., 1][100:400, 100:400].astype(np.float64)
    ours = vesselness(image, 2.0, polarity="dark")
    theirs = filters.frangi(image, sigmas=[2.0], black_ridges=True)
    inside = (slice(20, -20),) * 2
    assert np.corrcoef(ours[inside].ravel(), theirs[inside].ravel())[0, 1] > 0.999
    assert np.abs(ours[inside] - theirs[inside]).max() < 0.05
    volume = np.random.default_rng(0).normal(size=(36, 38, 40))
    hessian = peer("skimage.feature").hessian_matrix(
        volume, 2.0, use_gaussian_derivatives=True, mode="reflect"
    )
    inner = (slice(14, -14),) * 3
    for mine, other in zip(hessian_parts(prepared(volume, "bright"), [2.0] * 3), hessian, strict=True):
        assert np.abs(mine - 4 * other)[inner].max() < 5e-3 * np.abs(mine).max()


def test_offsets_blocks_nan_and_nothing(seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 200, (600, BLOCK // 500)).astype(np.uint16)
    found = vesselness(image, 1.0)
    np.testing.assert_allclose(vesselness(image + np.uint16(60000), 1.0), found, atol=1e-4)
    assert found.dtype == np.float32 and found.shape == image.shape and 0.2 < found.max() <= 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert vesselness(np.full((9, 9), 7)).max() == 0
        assert np.isnan(vesselness(np.full((9, 9), np.nan))).all()
        spoiled = image[:40, :40].astype(np.float32)
        spoiled[20, 20] = np.inf
        holes = np.isnan(vesselness(spoiled, 1.0))
    assert holes[16:25, 16:25].all() and holes.sum() == 81


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"image": np.zeros((3, 4, 5, 6))}, ShapeError, "got 4"),
        ({"sigmas": ()}, ArgumentError, "at least one scale"),
        ({"sigmas": (1, -1)}, ArgumentError, "sigmas must be a positive"),
        ({"alpha": 0}, ArgumentError, "alpha must be a positive"),
        ({"beta": float("nan")}, ArgumentError, "beta must be a positive"),
        ({"gamma": -1}, ArgumentError, "gamma must be a positive"),
        ({"polarity": "black"}, ArgumentError, "polarity must be one of"),
    ],
)
def test_refusals(arguments: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        vesselness(**{"image": np.eye(9), **arguments})
