"""`blobs` finds discs and balls of known place, size and contrast, and what scikit-image finds."""

import math
import warnings
from typing import Any

import numpy as np
import pytest

from convolve.errors import ArgumentError, DTypeError, ShapeError
from convolve.features import blobs
from convolve.features.overlap import ball_overlap
from convolve.features.scale_space import laplacian, prepared
from tests.peers import peer

SCALES = 2 * 1.2 ** np.arange(14)
"""Each width compiles its filters once, so the tests share these: 2, 2.4, 2.9, … 21.4."""


def ball(shape: tuple[int, ...], centre: Any, radius: float, spacing: Any = 1.0) -> Any:
    """Return a disc or ball of contrast 1 whose edge cells are partly covered."""
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    step = np.broadcast_to(spacing, (len(shape),))
    distance = np.sqrt((((places - centre) * step) ** 2).sum(-1))
    return np.clip((radius - distance) / step.min() + 0.5, 0, 1)


def test_discs_are_found_with_their_places_sizes_and_contrasts() -> None:
    truth = [(30.0, 40.0, 6.0, 100), (32.3, 100.6, 10.0, 80), (90.5, 45.5, 15.0, 60), (95.0, 110.0, 4.0, 40)]
    image = 20.0 + sum(c * ball((130, 150), (y, x), r) for y, x, r, c in truth)
    found = blobs(image, 2, SCALES[10])
    assert len(found) == 4 and (np.diff(found.strengths) <= 0).all()
    for (y, x, radius, contrast), centre, r, strength in zip(
        truth, found.centres, found.radii, found.strengths, strict=True
    ):
        assert np.abs(centre - (y, x)).max() < 0.1
        assert r == pytest.approx(radius, rel=0.03) and strength == pytest.approx(contrast, rel=0.02)
    np.testing.assert_allclose(found.sigmas, found.radii / math.sqrt(2))
    dark = blobs(100 - image, 2, SCALES[10], polarity="dark")
    np.testing.assert_allclose(dark.centres, found.centres, atol=1e-6)
    assert len(blobs(image, 2, SCALES[10], threshold=70)) == 2
    assert len(blobs(100 - image, 2, SCALES[10], threshold=30)) == 0


def test_balls_of_a_volume_whose_cells_are_no_cubes() -> None:
    spacing = (2.0, 0.5, 1.0)  # µm
    truth = [(10.0, 40.0, 20.0, 6.0), (22.0, 70.0, 38.0, 4.0)]
    volume = sum(ball((32, 110, 56), (z, y, x), r, spacing) for z, y, x, r in truth)
    found = blobs(volume, 4 / math.sqrt(3), 6 / math.sqrt(3), num_sigma=3, spacing=spacing, threshold=0.5)
    assert len(found) == 2
    for place, centre, radius in zip(truth, found.centres, found.radii, strict=True):
        assert np.abs(centre - place[:3]).max() < 0.15 and radius == pytest.approx(place[3], rel=0.06)


def test_sizes_and_places_do_not_depend_on_units_offsets_or_dtypes() -> None:
    image = np.rint(200 * ball((60, 64), (30, 25), 8)).astype(np.uint8)
    first = blobs(image, SCALES[4], SCALES[8], num_sigma=3)
    for other in (
        image.astype(np.float64),
        image.astype(np.uint16) + 60000,
        image.astype(">i4"),
        image.T.copy().T,
    ):
        again = blobs(other, SCALES[4], SCALES[8], num_sigma=3)
        np.testing.assert_allclose(again.centres, first.centres, atol=1e-3)
        np.testing.assert_allclose(again.strengths, first.strengths, rtol=1e-4)
    scaled = blobs(image, SCALES[4] / 2, SCALES[8] / 2, num_sigma=3, spacing=0.5)
    np.testing.assert_allclose(scaled.radii, first.radii / 2, rtol=1e-4)


def test_what_overlaps_too_much_is_dropped_and_the_border_is_left_out_when_asked() -> None:
    image = ball((80, 96), (40, 30), 16) + 0.7 * ball((80, 96), (40, 30), 3) + ball((80, 96), (40, 91), 8)
    every = blobs(image, 2, SCALES[10], num_sigma=6, threshold=0.3, overlap=1.0)
    kept = blobs(image, 2, SCALES[10], num_sigma=6, threshold=0.3)
    inside = blobs(image, 2, SCALES[10], num_sigma=6, threshold=0.3, exclude_border=True)
    assert len(every) > len(kept) == 2 > len(inside) == 1
    assert inside.centres.round().tolist() == [[40, 30]] and inside.radii[0] == pytest.approx(16, rel=0.15)
    assert kept.strengths[0] == every.strengths[0]


def test_shares_of_overlap_by_counting(seed: int) -> None:
    random = np.random.default_rng(seed)
    for ndim, cells in ((2, 400), (3, 60)):
        line = (np.arange(cells) + 0.5) / cells * 6 - 3
        grid = np.stack(np.meshgrid(*[line] * ndim, indexing="ij"), -1)
        for _ in range(8):
            first, second = random.uniform(0.5, 1.4, 2)
            distance = random.uniform(0, 2)
            one = (grid**2).sum(-1) < first**2
            move = np.eye(ndim)[0] * distance
            other = ((grid - move) ** 2).sum(-1) < second**2
            counted = (one & other).sum() / min(one.sum(), other.sum())
            share = ball_overlap(np.array(distance), np.array(first), np.array(second), ndim)
            assert float(share) == pytest.approx(counted, abs=0.03)


def test_nothing_is_found_in_nothing_and_near_nan() -> None:
    image = ball((64, 64), (20, 20), 5) + ball((64, 64), (50, 50), 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for empty in (np.zeros((9, 9)), np.full((9, 9), np.nan), np.ones((1, 1), np.uint8)):
            found = blobs(empty, 1, 2)
            assert len(found) == 0 and found.centres.shape == (0, 2)
        image[18, 22] = np.inf
        found = blobs(image, 2, SCALES[4], threshold=0.5)
    assert found.centres.round().tolist() == [[50.0, 50.0]]


def test_the_laplacian_is_scipys_but_for_even_brightness() -> None:
    ndimage, image = peer("scipy.ndimage"), peer("skimage.data").coins()
    values = prepared(image, "bright")
    theirs = ndimage.gaussian_laplace(values.astype(float), 4.0) * 16
    assert np.abs(laplacian(values, [4.0, 4.0]) - theirs).max() < 1e-3 * np.ptp(values)


def test_the_coins_are_those_that_scikit_image_finds_all_24() -> None:
    feature, image = peer("skimage.feature"), peer("skimage.data").coins()
    found = blobs(image, SCALES[9], SCALES[13], num_sigma=5, threshold=20)
    share = 20 / 255 * 2 / math.e  # their threshold is of the answer to an image from 0 to 1
    theirs = feature.blob_log(image, SCALES[9], SCALES[13], 5, threshold=share, log_scale=True)
    assert len(found) == len(theirs) == 24
    distances = np.abs(found.centres[:, None] - theirs[None, :, :2]).max(-1)
    assert distances.min(1).max() < 3 and len(set(distances.argmin(1).tolist())) == 24


def test_the_coins_are_where_their_outlines_are() -> None:
    """Outlines as scikit-image's watershed tutorial finds them."""
    filters, measure, image = peer("skimage.filters"), peer("skimage.measure"), peer("skimage.data").coins()
    markers = np.where(image < 30, 1, 0) + np.where(image > 150, 2, 0)
    areas = peer("skimage.segmentation").watershed(filters.sobel(image), markers) - 1
    labels = measure.label(peer("scipy.ndimage").binary_fill_holes(areas))
    coins = [coin for coin in measure.regionprops(labels) if coin.area > 300]
    found = blobs(image, SCALES[9], SCALES[13], num_sigma=5, threshold=20)
    apart = np.linalg.norm(found.centres[:, None] - [coin.centroid for coin in coins], axis=-1)
    which, radii = apart.argmin(1), np.array([coin.equivalent_diameter_area / 2 for coin in coins])
    ratios = found.radii / radii[which]
    share = (apart.min(1) / radii[which]).max()
    print(f"median {np.median(apart.min(1)):.1f} pixels, at most {share:.2f} of the radius")
    print(f"radii {ratios.min():.2f} to {ratios.max():.2f} of those of the outlines")
    assert len(coins) == 24 and len(set(which.tolist())) == 24
    assert np.median(apart.min(1)) < 2.5 and share < 0.25
    assert ratios.min() > 0.8 and ratios.max() < 1.05


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"image": np.zeros(9)}, ShapeError, "2 dimensions, or 3 for a volume, got 1"),
        ({"image": np.zeros((0, 9))}, ShapeError, "at least one cell"),
        ({"image": np.zeros((9, 9), complex)}, DTypeError, "image must be real"),
        ({"min_sigma": 0}, ArgumentError, "min_sigma must be a positive"),
        ({"max_sigma": float("inf")}, ArgumentError, "max_sigma must be a positive, finite"),
        ({"min_sigma": 5, "max_sigma": 2}, ArgumentError, "got 5 and 2; swap them"),
        ({"num_sigma": 0}, ArgumentError, "num_sigma"),
        ({"threshold": -1}, ArgumentError, "threshold must be a contrast of at least 0"),
        ({"overlap": 1.5}, ArgumentError, "share from 0 to 1"),
        ({"polarity": "brigth"}, ArgumentError, "did you mean 'bright'"),
        ({"spacing": (1, 2, 3)}, ShapeError, "the image has 2, but spacing has 3"),
        ({"spacing": (1, 0)}, ArgumentError, "spacing must be a positive"),
    ],
)
def test_refusals(arguments: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        blobs(**{"image": np.eye(9), **arguments})
