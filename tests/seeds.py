"""The one seed of all random tests: fresh in each run, printed, and repeatable.

``CONVOLVE_SEED=123 scripts/test`` repeats the run whose header said 123.
"""

import os
import secrets

import numpy as np


def seed() -> int:
    """Return the seed of this run; processes that a test starts inherit it."""
    return int(os.environ.setdefault("CONVOLVE_SEED", str(secrets.randbits(32))))


def generator(*purpose: int) -> np.random.Generator:
    """Return a random generator for this run's seed; ``purpose`` tells independent streams apart."""
    return np.random.default_rng((seed(), *purpose))
