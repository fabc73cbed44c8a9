"""F21: bugs seeded into the compiler, by generation, are caught by a slice of small convolutions.

Every run draws others, by the printed seed; ``python -m tests.mutation.compiled_run`` tries all of them. They
run in a process of their own, which forks for each: here threads of other tests may be running.
"""

import ast
import os
import subprocess
import sys

import pytest

from tests import seeds
from tests.mutation.compiled_equivalent import EQUIVALENT, FASTER
from tests.mutation.compiled_mutants import compiled_mutants, functions
from tests.mutation.mutants import PACKAGE
from tests.mutation.run import ROOT

MUTANTS = int(os.environ.get("CONVOLVE_MUTANTS", "20"))

MODULES = {mutant.module for mutant in compiled_mutants()}

MOST_ALIVE = 0.1
"""Part of the bugs drawn that may survive: some rooms changed since all their bugs were tried and looked at
(CHANGELOG, "Known gaps"), and one in fifty that no result can show is usual before that."""

NOTHING_TO_CHANGE = {
    "compiler.expressions.Writer.__init__",
    "compiler.lower.border.Packer.by_channel",
    "compiler.lower.depthwise._Depthwise.__init__",
    "compiler.lower.pack._Runs._vector_done",
    "compiler.lower.pack._lanes",
    "compiler.lower.pool_planes._Planes.__init__",
    "compiler.lower.transform.Transforms.__init__",
    "compiler.llvm.conversions._Conversion.choose",
    "compiler.llvm.conversions._Conversion.__init__",
    "compiler.llvm.addresses.Addresses.close",
    "compiler.lower.gradient._Contract.prepare",
    "compiler.lower.gradient._Gradient.finish",
    "compiler.lower.gradient._Gradient.kept_sums",
    "compiler.lower.gradient._Gradient.pack",
    "compiler.lower.gradient._Gradient.packed_gradients",
    "compiler.lower.gradient._Gradient.prepare",
    "compiler.lower.gradient._Gradient.room",
    "compiler.lower.gradient._Gradient.tile",
    "compiler.llvm.addresses.Addresses.depth",
    "compiler.llvm.code.Code.text",
    "compiler.llvm.code.Registers.__init__",
    "compiler.llvm.code.Registers.kind",
    "compiler.llvm.code.Registers.type_of",
    "runtime.execution.Template.block",
    "runtime.execution._address_asked",
}
"""Functions such as ``return len(self._scopes)``, in which no bug of the kinds that are known fits."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bugs are planted in forks, behind fences")


@pytest.mark.timeout(900)
def test_seeded_bugs_are_caught() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutation.compiled_run", str(seeds.seed()), str(MUTANTS)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert "mutants were caught" in done.stdout, done.stdout + done.stderr
    assert done.returncode <= MUTANTS * MOST_ALIVE, done.stdout + done.stderr


def test_every_function_has_a_bug() -> None:
    names = {mutant.name.split(" ")[0] for mutant in compiled_mutants()}
    assert len(compiled_mutants()) > 500
    there = {f"{module}.{name}" for module in MODULES for name, _ in functions(_tree(module))}
    assert there - names == NOTHING_TO_CHANGE | FASTER.keys()


def _tree(module: str) -> ast.Module:
    return ast.parse((PACKAGE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))


def test_the_known_equivalents_still_exist() -> None:
    assert EQUIVALENT.keys() <= {mutant.name for mutant in compiled_mutants()}
