"""A small slice of the tests, run in a process of its own in which one module holds a seeded bug.

``python -m tests.mutation.slice SEED`` reads, from standard input, the module's name on the first line and
its source below. Exit status 0: nothing was noticed. 1: the bug was caught.
"""

import importlib.abc
import importlib.machinery
import random
import sys
from collections.abc import Callable

SPECS = 60


class Planted(importlib.abc.Loader, importlib.abc.MetaPathFinder):
    """Imports one module from a given source."""

    def __init__(self, name: str, source: str) -> None:
        self.name, self.source = f"convolve.{name}", source

    def find_spec(
        self, name: str, path: object, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self) if name == self.name else None

    def exec_module(self, module: object) -> None:
        exec(compile(self.source, self.name, "exec"), module.__dict__)


def integers(draw: random.Random) -> None:
    """Run random integer specs against the oracle."""
    from tests.specs import INTEGERS, draw_case
    from tests.test_f1_integers import check_integers

    for _ in range(SPECS):
        check_integers(draw_case(draw, INTEGERS, draw.choice((9, 9, None))), draw)


def floats(draw: random.Random) -> None:
    """Run random integer-valued float specs, with NaN left out in some, against the oracle."""
    import numpy as np

    from tests.specs import FLOATS, draw_case
    from tests.test_numbers import check_nan_rule

    for _ in range(SPECS // 3):
        case = draw_case(draw, FLOATS, 4)
        result = case.call()
        assert np.array_equal(result, case.exact().astype(result.dtype))
    for _ in range(SPECS // 2):
        check_nan_rule(draw)


def poolings(draw: random.Random) -> None:
    """Run random poolings against the oracle."""
    from tests.test_f1_integers import check_pooling, draw_window

    for _ in range(SPECS // 2):
        check_pooling(draw, draw_window(draw), "int32")


def ranges(draw: random.Random) -> None:
    """Compare the ends of every integer range, large results in blocks, and what is read by regions."""
    from tests import test_identities, test_numbers

    test_numbers.check_range_ends()
    test_numbers.check_blocks(draw)
    test_numbers.check_dtype_table()
    test_numbers.check_shapes()
    for check in test_numbers.CORNERS:
        check()
    test_numbers.test_bfloat16()
    test_numbers.test_sums_beyond_int64_are_exact()
    for seed in range(6):
        test_identities.test_feeds_is_the_inverse_of_reads.hypothesis.inner_test(draw.randrange(10**6) + seed)
    for mode in ("reflect", "zeros"):
        test_identities.test_interior_reads_no_border(mode)


CHECKS: tuple[Callable[[random.Random], None], ...] = (ranges, integers, poolings, floats)


def main() -> int:
    """Plant the bug, run the slice, and say whether it was caught."""
    name, _, source = sys.stdin.read().partition("\n")
    sys.meta_path.insert(0, Planted(name, source))
    draw = random.Random(sys.argv[1])
    try:
        for check in CHECKS:
            check(draw)
    except BaseException as error:  # a failed assertion, or whatever the bug leads to
        print(f"caught: {type(error).__name__}: {str(error)[:100]}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
