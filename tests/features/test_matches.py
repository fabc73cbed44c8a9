"""`find_template` finds each copy once, at its size, the best first."""

from typing import Any

import numpy as np
import pytest

from convolve.errors import ArgumentError, ShapeError
from convolve.features import find_template, match_template
from convolve.features.peaks import largest_around
from tests.peers import peer


def scene(seed: int) -> tuple[Any, Any, list[tuple[int, int]]]:
    """Return a noisy image with four copies of a textured patch, the patch, and where the copies are."""
    random = np.random.default_rng(seed)
    patch = random.integers(0, 256, (8, 11)).astype(np.uint8)
    image = random.integers(100, 130, (60, 80)).astype(np.uint8)
    places = [(0, 0), (5, 40), (30, 69), (52, 10)]
    for row, column in places:
        image[row : row + 8, column : column + 11] = patch // 2 + 40
    return image, patch, places


def test_each_copy_is_found_once(seed: int) -> None:
    image, patch, places = scene(seed)
    found = find_template(image, patch)
    assert sorted(map(tuple, found.corners.tolist())) == places
    assert (found.sizes == [8, 11]).all() and (np.diff(found.scores) <= 0).all() and found.scores.min() > 0.99
    assert sorted(map(tuple, found.centres.tolist())) == [(r + 3.5, c + 5.0) for r, c in places]
    assert len(find_template(image, patch, max_matches=2)) == 2
    assert len(find_template(np.full((20, 20), 7, np.uint8), patch)) == 0


def test_scores_are_those_of_the_map_and_none_is_left_above_the_threshold(seed: int) -> None:
    image, patch, _ = scene(seed)
    found, scores = find_template(image, patch, threshold=0.2, overlap=0.0), match_template(image, patch)
    np.testing.assert_array_equal(found.scores, scores[tuple(found.corners.T)])
    covered = np.zeros(scores.shape, bool)
    for row, column in found.corners:
        covered[max(row - 7, 0) : row + 8, max(column - 10, 0) : column + 11] = True
    rows, columns = np.nonzero((scores >= 0.2) & ~covered)
    around = largest_around(scores)
    neighbours = [around[r, c] for r, c in zip(rows, columns, strict=True)]
    assert all(top > scores[r, c] for top, r, c in zip(neighbours, rows, columns, strict=True))  # slopes only


def test_several_sizes() -> None:
    image = peer("skimage.data").camera()
    pillow = peer("PIL.Image")
    template = image[100:132, 200:232]  # the photographer's head
    smaller = np.asarray(pillow.fromarray(image).resize((384, 384), pillow.Resampling.BICUBIC))
    found = find_template(smaller, template, scales=(1.0, 0.75, 9.0), max_matches=1)
    assert found.sizes.tolist() == [[24, 24]] and found.scores[0] > 0.99
    assert np.abs(found.corners[0] - [75, 150]).max() <= 1
    colours = np.stack([image, image // 2, 255 - image], -1)[::2, ::2]
    found = find_template(colours, colours[50:66, 100:116], scales=(1, 0.75), channel_axis=-1, max_matches=1)
    assert found.corners.tolist() == [[50, 100]] and found.sizes.tolist() == [[16, 16]]


def test_volumes(seed: int) -> None:
    volume = np.random.default_rng(seed).random((12, 13, 14))
    found = find_template(volume, volume[3:7, 4:9, 5:9], threshold=0.9)
    assert found.corners.tolist() == [[3, 4, 5]] and found.sizes.tolist() == [[4, 5, 4]]


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"threshold": 1.1}, ArgumentError, "threshold must lie between -1 and 1"),
        ({"threshold": float("nan")}, ArgumentError, "threshold must lie between -1 and 1"),
        ({"overlap": -0.1}, ArgumentError, "overlap between 0 and 1"),
        ({"max_matches": 0}, ArgumentError, "max_matches"),
        ({"scales": ()}, ArgumentError, "at least one size"),
        ({"scales": (0.0,)}, ArgumentError, "scales must be a positive"),
        ({"scales": (5.0, 6.0)}, ShapeError, "at one of its sizes"),
        (
            {"image": np.zeros((9, 9, 9)), "template": np.zeros((2, 2, 2)), "scales": 2},
            ShapeError,
            "a volume",
        ),
    ],
)
def test_refusals(arguments: dict[str, Any], kind: type[Exception], words: str) -> None:
    given = {"image": np.arange(100.0).reshape(10, 10), "template": np.eye(3), **arguments}
    with pytest.raises(kind, match=words):
        find_template(**given)
