"""The serve loop's code: complete for every target described, and free of calls to any library."""

import re

import pytest

from convolve.compiler.target import TARGETS
from convolve.runtime import jit, serve


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_has_the_functions_and_needs_no_library(name: str) -> None:
    target = TARGETS[name]
    assembly = jit.make_assembly(serve.serve_ir(target.triple), target)
    assert all(f"\n{function}:" in assembly for function in serve.NAMES)
    called = set(re.findall(r"\t(?:callq?|bl|jmp|b)\t([A-Za-z_]\w*)", assembly))
    assert {"take", "wait"} <= called <= {"take", "wait", "help", "post"}


@pytest.mark.parametrize(("name", "pause"), [("avx2", "pause"), ("neon", "isb")])
def test_waiting_is_told_to_the_core(name: str, pause: str) -> None:
    target = TARGETS[name]
    assembly = jit.make_assembly(serve.serve_ir(target.triple), target)
    assert len(re.findall(rf"\t{pause}\b", assembly)) == 2


def test_words_that_different_threads_write_share_no_cache_line() -> None:
    written = [serve.OWNER, serve.TICKET, serve.DONE, serve.ASLEEP, serve.STOP, serve.JOB]
    written += [serve.worker_word(worker) for worker in (1, 2, 15)]
    assert len({word // serve.LINE for word in written}) == len(written)
    assert serve.YIELD < serve.JOB < serve.BLOCKS < serve.FIRST_WORKER
    assert serve.worker_word(15) < serve.word_count(16)
