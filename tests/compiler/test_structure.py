"""Every statement and every operation of the loop language is known to all that handle them."""

from typing import get_args

from convolve.compiler import interpreter, loopnest, printer, verify
from convolve.compiler.llvm import emitter, operations
from convolve.compiler.pipeline import lower
from convolve.compiler.plan import Code
from convolve.compiler.target import AVX2
from tests.compiler.cases import random_codes

STATEMENTS = set(get_args(loopnest.Statement))
COMPUTING = {
    loopnest.Number, loopnest.Compute, loopnest.Convert, loopnest.Join, loopnest.Select,
    loopnest.Transpose,
}  # fmt: skip
"""Statements without symbols, which only the registers' check looks at."""


def test_statements_are_known_everywhere() -> None:
    assert set(interpreter.RUNNERS) == STATEMENTS
    assert set(emitter.EMITTERS) == STATEMENTS
    assert set(verify.CHECKS) == STATEMENTS - COMPUTING


def test_operations_are_known_everywhere() -> None:
    assert set(interpreter.COMPUTERS) == set(loopnest.OPERATIONS)
    assert set(operations.OPERATIONS) == set(loopnest.OPERATIONS)


def test_every_statement_that_is_generated_is_printed(seed: int) -> None:
    for code, target in random_codes(seed, 10):
        text = printer.show(lower(code, target).routine)
        assert "None" not in text


def test_the_same_code_gives_the_same_nest() -> None:
    code = Code("stencil", "float32", (1, 3, 3), (1, 1, 1), (1, 1, 1), (1, 2, 2))
    assert lower(code, AVX2) == lower(code, AVX2)
