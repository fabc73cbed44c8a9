"""F4: no access leaves its array, neither before nor behind, in 2,000 random cases (release: 500,000).

CONVOLVE_F4 sets the number. The child process dies of a wrong access; its last lines name seed and case.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import seeds

COUNT = int(os.environ.get("CONVOLVE_F4", "2000"))
ROOT = Path(__file__).resolve().parents[2]


def child(count: int, *bugs: str) -> "subprocess.CompletedProcess[str]":
    """Run so many cases in a process of their own."""
    return subprocess.run(
        [
            sys.executable,
            "-X",
            "faulthandler",
            "-m",
            "tests.engine.guard_child",
            str(seeds.seed()),
            str(count),
            *bugs,
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_nothing_is_touched_outside_any_array() -> None:
    done = child(COUNT)
    last = "\n".join(done.stdout.splitlines()[:1] + done.stdout.splitlines()[-1:])
    assert done.returncode == 0, f"{last}\n{done.stderr[-3000:]}"
    assert done.stdout.splitlines()[-1] == f"done {COUNT}"


@pytest.mark.parametrize("bug", ["scratch", "output"])
def test_a_seeded_bug_ends_the_process(bug: str) -> None:
    done = child(60, bug)
    assert done.returncode == -signal.SIGSEGV
    assert "Segmentation fault" in done.stderr
