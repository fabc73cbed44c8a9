"""F21: bugs seeded into the reference, by generation, are caught by a slice of the other tests.

Every run draws others, by the printed seed; ``python -m tests.mutation.run`` tries all of them.
"""

import os
import random

import pytest

from tests import seeds
from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.mutants import PACKAGE, Mutant, mutants
from tests.mutation.run import is_caught, survivors

MUTANTS = int(os.environ.get("CONVOLVE_MUTANTS", "16"))


@pytest.mark.timeout(900)
def test_seeded_bugs_are_caught() -> None:
    every = [mutant for mutant in mutants() if mutant.name not in EQUIVALENT]
    assert len(every) > 300
    chosen = random.Random(f"{seeds.seed()} mutants").sample(every, min(MUTANTS, len(every)))
    assert survivors(chosen, seeds.seed()) == []


def test_without_a_bug_the_slice_passes() -> None:
    healthy = Mutant("axis", "no bug", "", (PACKAGE / "axis.py").read_text(encoding="utf-8"))
    assert not is_caught(healthy, seeds.seed())


def test_the_known_equivalents_still_exist() -> None:
    assert EQUIVALENT.keys() <= {mutant.name for mutant in mutants()}
