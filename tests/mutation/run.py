"""Runs mutants against the slice, each in a process of its own; prints and returns the survivors."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutation.mutants import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
TRIES = 8
"""Slices, each with specs of its own, that a bug must pass to count as a survivor: one slice is small, and a
bug that needs a rare option may slip through it."""

SECONDS = 60
"""A bug that makes the slice run longer than this is caught too: the slice takes about two seconds."""


def is_caught(mutant: Mutant, seed: int) -> bool:
    """Run the slice with a bug planted."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.mutation.slice", str(seed)],
            input=f"{mutant.module}\n{mutant.source}",
            text=True,
            capture_output=True,
            timeout=SECONDS,
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
                "OPENBLAS_NUM_THREADS": "1",
            },
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def survivors(chosen: Sequence[Mutant], seed: int) -> list[str]:
    """Return the names of the mutants that the slice does not notice."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        caught = pool.map(
            lambda mutant: any(is_caught(mutant, seed + again) for again in range(TRIES)), chosen
        )
        return [
            f"{mutant.name} ({mutant.place})"
            for mutant, found in zip(chosen, caught, strict=True)
            if not found
        ]


def main() -> None:
    """Run every mutant there is; this takes some twenty minutes."""
    every = mutants()
    alive = survivors(every, 1)
    print(*alive, sep="\n")
    print(f"{len(every) - len(alive)} of {len(every)} mutants were caught")


if __name__ == "__main__":
    main()
