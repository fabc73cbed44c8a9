"""What overlaps is found as by comparing every pair, however many pairs are looked at together."""

import numpy as np
import pytest

from convolve.features import overlap
from convolve.features.overlap import box_overlap, kept, near


@pytest.mark.parametrize("together", [1, 7, 1 << 20])
def test_near_pairs_are_all_of_them(together: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "PAIRS", together)
    random = np.random.default_rng(seed)
    for count, ndim in ((0, 2), (1, 3), (60, 2), (80, 3)):
        places = random.integers(0, 12, (count, ndim)).astype(float)
        reach = random.uniform(0.1, 2, (count, ndim))
        found = [
            {int(a), int(b)} for one, other in near(places, reach) for a, b in zip(one, other, strict=True)
        ]
        expected = [
            {a, b}
            for a in range(count)
            for b in range(a)
            if (np.abs(places[a] - places[b]) <= reach[a] + reach[b]).all()
        ]
        assert len(found) == len(expected) and all(pair in found for pair in expected)


def test_the_best_is_kept_and_only_what_is_kept_drops_others(seed: int) -> None:
    random = np.random.default_rng(seed)
    corners, sizes = random.integers(0, 30, (50, 2)), random.integers(2, 9, (50, 2))
    order = random.permutation(50)

    def share(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return box_overlap(corners[first], sizes[first], corners[second], sizes[second])

    expected: list[int] = []
    for one in order.tolist():
        if all(share(np.array([one]), np.array([other]))[0] <= 0.3 for other in expected):
            expected.append(one)
    found = kept(order, corners + (sizes - 1) / 2, sizes / 2, share, 0.3)
    assert found.tolist() == expected
    assert len(kept(np.zeros(0, int), np.zeros((0, 2)), np.zeros((0, 2)), share, 0.3)) == 0
