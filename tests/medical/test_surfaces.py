"""Distances of surfaces are exact: held to brute force in float64 and to SciPy, and not by comparing all."""

import numpy as np
import pytest

from convolve import medical
from convolve.dtypes import Array
from convolve.medical import surfaces
from tests import seeds
from tests.peers import peer


def blobs(shape: tuple[int, ...], count: int, seed: int) -> Array:
    draw = seeds.generator(seed)
    places = np.stack(np.meshgrid(*(np.arange(size) for size in shape), indexing="ij"))
    mask = np.zeros(shape, bool)
    for _ in range(count):
        middle = draw.uniform(0, shape).reshape(-1, *(1,) * len(shape))
        mask |= ((places - middle) ** 2).sum(axis=0) < draw.uniform(2, 6) ** 2
    return mask


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [
        ((20, 24, 28), (3.0, 1.0, 0.7)),
        ((9, 40, 40), (1e4, 1e-3, 1e-3)),
        ((60, 70), (0.3, 2.0)),
        ((90,), (1.5,)),
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_it_is_brute_forces_and_scipys(shape: tuple[int, ...], spacing: tuple[float, ...], seed: int) -> None:
    first, second = blobs(shape, 3, 100 + seed), blobs(shape, 2, 200 + seed)
    points = [np.argwhere(surfaces.surface(one)) * np.array(spacing) for one in (first, second)]
    squares = sum(
        np.subtract.outer(points[0][:, axis], points[1][:, axis]) ** 2 for axis in range(len(shape))
    )
    both = [np.sqrt(np.asarray(squares).min(axis=axis)) for axis in (1, 0)]
    for percentile in (100, 95):
        wanted = max(np.percentile(one, percentile) for one in both)
        assert medical.hausdorff(first, second, spacing, percentile) == pytest.approx(wanted, rel=1e-14)
    directed = peer("scipy.spatial.distance").directed_hausdorff
    theirs = max(directed(*points)[0], directed(*points[::-1])[0])
    assert medical.hausdorff(first, second, spacing) == pytest.approx(theirs, rel=1e-12)


def test_small_distances_far_from_the_origin_lose_no_digits() -> None:
    points = np.array([[1e8, 1e8, 1e8]])
    assert surfaces.nearest(points, points + 0.5).tolist() == [np.sqrt(0.75)]


def test_few_pairs_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    places = np.stack(np.meshgrid(*(np.arange(-40, 41),) * 3, indexing="ij"))
    first, second = ((places**2).sum(axis=0) < radius**2 for radius in (38, 35))
    points = [np.argwhere(surfaces.surface(one)).astype(float) for one in (first, second)]
    compared = []
    counted = surfaces._least

    def least(few: Array, others: Array) -> Array:
        compared.append(len(few) * len(others))
        return counted(few, others)

    monkeypatch.setattr(surfaces, "_least", least)
    surfaces.nearest(*points)
    assert sum(compared) < len(points[0]) * len(points[1]) / 10


def test_masks_at_the_edge_and_empty_ones() -> None:
    first = np.ones((3, 4, 5), bool)
    second = np.zeros_like(first)
    second[0, 0, 0] = True
    assert medical.hausdorff(first, second, (1, 1, 1)) == pytest.approx(np.sqrt(4 + 9 + 16))
    nothing = np.zeros_like(first)
    assert medical.hausdorff(nothing, nothing, (1, 1, 1)) == 0
    assert medical.hausdorff(first[:0], first[:0], (1, 1, 1)) == 0
    assert medical.hausdorff(first, nothing, (1, 1, 1)) == float("inf")
