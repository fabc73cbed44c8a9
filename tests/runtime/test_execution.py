"""How an execution lays out its scratch, and that it keeps to the domain of its routine."""

import pytest

from convolve.compiler.affine import Affine
from convolve.compiler.loopnest import Signature
from convolve.errors import VerificationError
from convolve.runtime import execution


def test_sizes_outside_the_domain_are_refused() -> None:
    routine = Signature("small", ("w",), (Affine.symbol("w") - 8,), ())
    execution.check_domain(routine, {"w": 8})
    with pytest.raises(VerificationError, match=r"small: .* but is -1 for \{'w': 7\}: a defect of convolve"):
        execution.check_domain(routine, {"w": 7})


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
