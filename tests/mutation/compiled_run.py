"""Runs bugs of the compiler against their slice, each in a forked child; prints and returns the survivors.

``python -m tests.mutation.compiled_run`` tries all (ten minutes), with ``SEED COUNT`` as many as drawn, with
a part of a name those whose names hold it. Exit status: the number of survivors that nothing excuses.
"""

import faulthandler
import hashlib
import os
import pickle
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.mutation import compiled_gradients
from tests.mutation.bytes_slice import check_bytes
from tests.mutation.compiled_equivalent import EQUIVALENT
from tests.mutation.compiled_gradients import Case as GradientCase
from tests.mutation.compiled_mutants import Seed, compiled_mutants
from tests.mutation.compiled_slice import Case, check, prepared
from tests.mutation.dtype_slice import check_dtypes
from tests.mutation.point_slice import check_points
from tests.mutation.pool_slice import check_pools

CPU_SECONDS = 150
"""A bug that makes the slice compute for longer than this is caught too. Without one it takes 15 to 50 s
with all compilation, by the machine (2026-11-26, AMD Zen 4 and Zen 3)."""

SECONDS = 400
"""The same for one that makes it wait; a machine busy with other things must not count as one."""

MEMORY = 8 << 30
"""Bytes of addresses that a child may use: a bug may ask for any."""

Objects = dict[str, bytes]


def main() -> int:
    """Run the mutants that are asked for."""
    every = [mutant for mutant in compiled_mutants() if mutant.name not in EQUIVALENT]
    arguments = sys.argv[1:]
    chosen = every
    if len(arguments) == 2:
        chosen = random.Random(arguments[0]).sample(every, int(arguments[1]))
    elif arguments:
        chosen = [mutant for mutant in compiled_mutants() if arguments[0] in mutant.name]
    alive = survivors(chosen)
    print(f"{len(chosen) - len(alive)} of {len(chosen)} mutants were caught; survivors:", *alive, sep="\n")
    return min(100, len(alive))


def survivors(chosen: Sequence[Seed]) -> list[str]:
    """Return the names of the mutants that the slice does not notice."""
    os.environ["CONVOLVE_CACHE_DIR"] = "off"
    cases = prepared()
    gradients = compiled_gradients.prepared()
    objects = _healthy(cases, gradients)
    jobs = iter(chosen)
    running: dict[int, tuple[Seed, float]] = {}
    alive = []
    while True:
        while len(running) < (os.cpu_count() or 1) and (mutant := next(jobs, None)):
            running[_forked(lambda one=mutant: _try(one, cases, gradients, objects))] = (
                mutant,
                time.monotonic() + SECONDS,
            )
        if not running:
            return alive
        for child, status in _ended(running):
            mutant = running.pop(child)[0]
            if status == 0:
                alive.append(f"{mutant.name} ({mutant.place})")
                print("survived:", alive[-1], flush=True)


def _ended(running: dict[int, tuple[Seed, float]]) -> Iterator[tuple[int, int]]:
    """Yield the children that have ended, by themselves or because their time was up, and their status."""
    time.sleep(0.01)
    for child, (_, deadline) in list(running.items()):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            yield child, -1
            continue
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            yield child, status


def _forked(work: Callable[[], None]) -> int:
    """Run something in a child of this process; its exit status tells whether an exception ended it."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        faulthandler.disable()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        work()
        status = 0
    except BaseException as error:  # a failed comparison, or whatever the bug leads to
        if os.environ.get("CONVOLVE_MUTANTS_SHOW"):
            print(f"caught: {type(error).__name__}: {str(error)[:300]}", flush=True)
    finally:
        os._exit(status)


def _healthy(cases: list[Case], gradients: list[GradientCase]) -> Objects:
    """Run the slice without a bug, and return the machine code of every module by the hash of its text."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "objects"
        made: Objects = {}

        def work() -> None:
            _slice(cases, gradients, made)
            kept.write_bytes(pickle.dumps(made))

        _, status = os.waitpid(_forked(work), 0)
        if status:
            raise AssertionError("the slice fails without a bug; CONVOLVE_MUTANTS_SHOW=1 shows where")
        found: Objects = pickle.loads(kept.read_bytes())
        return found


def _try(mutant: Seed, cases: list[Case], gradients: list[GradientCase], objects: Objects) -> None:
    """Plant a bug and run the slice: all modules are imported anew."""
    from tests.mutation.slice import Planted

    for name in [name for name in sys.modules if name.split(".")[0] == "convolve"]:
        del sys.modules[name]
    sys.meta_path.insert(0, Planted(mutant.module, mutant.source))
    _slice(cases, gradients, objects)


def _slice(cases: list[Case], gradients: list[GradientCase], objects: Objects) -> None:
    """Run the slice: scratch is full of NaN, and machine code of the same text is not made again."""
    from convolve.runtime import scratch

    buffer = scratch.buffer

    def poisoned(size: int) -> Any:
        array, address = buffer(size)
        array.fill(255)
        return array, address

    scratch.buffer = poisoned
    from convolve.runtime import jit

    make = jit.make_object

    def make_once(ir: str, target: Any) -> bytes:
        key = hashlib.sha256(f"{target.name} {ir}".encode()).hexdigest()
        if key not in objects:
            objects[key] = make(ir, target)
        return objects[key]

    jit.make_object = make_once
    compiled_gradients.check(gradients)
    check(cases)
    check_pools()
    check_dtypes()
    check_bytes()
    check_points()


if __name__ == "__main__":
    sys.exit(main())
