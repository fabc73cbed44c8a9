"""What docs/engine.md quotes is what is made."""

import re
from pathlib import Path

import convolve
from convolve.compiler.pipeline import lower
from convolve.compiler.planner import choices, plan
from convolve.compiler.printer import show
from convolve.compiler.problem import geometry_of, sizes_of
from convolve.compiler.target import TARGETS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "engine.md").read_text(encoding="utf-8")
SPEC = convolve.plan((1, 64, 56, 56), (64, 64, 3, 3), padding=1, accuracy="strict").spec
QUESTION = sizes_of(SPEC), geometry_of(SPEC, "x", "x")


def test_the_plan_is_quoted() -> None:
    made = str(plan(*QUESTION, TARGETS["avx2"]))
    quoted = re.search(r"```\n(method .*?)```", TEXT, re.DOTALL)
    assert quoted
    assert [line for line in quoted[1].splitlines() if line not in made.splitlines()] == []


def test_the_nest_is_quoted() -> None:
    code = plan(*QUESTION, TARGETS["avx2"]).code
    nest = [line.strip() for line in show(lower(code, TARGETS["avx2"]).routine).splitlines()]
    quoted = re.search(r"```\n(for ci .*?)```", TEXT, re.DOTALL)
    assert quoted
    lines = [line.strip() for line in quoted[1].splitlines()]
    start = nest.index(lines[0])
    assert nest[start : start + len(lines)] == lines


def test_wide_registers_make_another_tile() -> None:
    found = re.search(r"\(AVX-512\) it finds (\d+) × (\d+)", TEXT)
    assert found
    made = plan(*QUESTION, TARGETS["avx512"]).code
    assert (made.method, made.tile[:2]) == ("contract", (int(found[1]), int(found[2])))


def test_every_tile_that_fits_is_tried() -> None:
    assert len(choices(*QUESTION, TARGETS["avx2"])) > 10


def test_the_work_is_counted_right() -> None:
    assert f"{64 * 56 * 56 * 64 * 9:,}" in TEXT
    assert plan(*QUESTION, TARGETS["avx2"]).flops == 2 * 64 * 56 * 56 * 64 * 9
