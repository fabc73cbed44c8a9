"""The thread pool's protocol, tried in every order of its steps by the model checker spin."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.peers import missing

MODEL = Path(__file__).with_name("model") / "pool.pml"
SMALL = [["-DMOST=1"], ["-DWORKERS=1", "-DJOBS=4"]]
LARGE: list[list[str]] = [[]]  # 27 million states, 40 s, 1.2 GB
SIZES = SMALL + (LARGE if os.environ.get("CONVOLVE_PROFILE") == "thorough" else [])


def check(options: list[str], folder: Path) -> str:
    """Return what spin's checker says about the model."""
    if not (shutil.which("spin") and shutil.which("gcc")):
        missing("spin", "apt-get install spin gcc")
    subprocess.run(["spin", *options, "-a", str(MODEL)], cwd=folder, check=True, capture_output=True)
    compiler = ["gcc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"]
    subprocess.run(compiler, cwd=folder, check=True, capture_output=True)
    done = subprocess.run(["./pan", "-m1000000"], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.mark.parametrize("options", SIZES, ids=" ".join)
def test_no_order_of_steps_breaks_a_promise(options: list[str], tmp_path: Path) -> None:
    found = check(options, tmp_path)
    assert "errors: 0\n" in found, found
    assert "max search depth too small" not in found
    assert "Search not completed" not in found


@pytest.mark.parametrize("precaution", ["NUMBER", "WAIT", "SECOND_LOOK"])
def test_without_a_precaution_a_promise_breaks(precaution: str, tmp_path: Path) -> None:
    found = check([f"-DNO_{precaution}"], tmp_path)
    assert "assertion violated" in found, found
