"""How an execution lays out its scratch."""

import pytest

from convolve.runtime import execution


@pytest.mark.parametrize("item", [4, 8])
@pytest.mark.parametrize("rows", [1, 3, 14, 56, 64, 128, 256, 1000])
def test_packed_rows_spread_over_the_cache_and_every_width_is_found(rows: int, item: int) -> None:
    for room in (*range(1, 70), 128, 256, 1000, 4096):
        width = execution._spread(room, rows, item)
        assert room <= width <= room + 1024 // item
        assert 64 <= width * item % 1024 <= 960


def test_planes_spread_too_where_a_width_can_do_that() -> None:
    width = execution._spread(64, 14, 4)
    assert 128 <= width * 4 * 14 % 4096 <= 3968
