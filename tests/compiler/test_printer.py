"""Loop nests as text, word for word; and the LLVM IR of one small nest."""

from typing import get_args

import pytest

from convolve.compiler.affine import Affine
from convolve.compiler.builder import Pen
from convolve.compiler.llvm.emitter import emit
from convolve.compiler.loopnest import Buffer, Routine, Statement, affines
from convolve.compiler.pipeline import lower
from convolve.compiler.plan import ACTIVATIONS, Code
from convolve.compiler.printer import head, show
from convolve.compiler.target import AVX2, BASELINE, NEON, Target
from tests.compiler.cases import line
from tests.compiler.golden import check_golden

FLAT, ONCE = (1, 3, 3), (1, 1, 1)
CODES = {
    "contract_3x3": Code("contract", "float32", FLAT, ONCE, ONCE, (3, 2, 1)),
    "contract_3x3_by_channel": Code("contract", "float32", FLAT, ONCE, ONCE, (2, 1, 1), "channel", "channel"),
    "contract_1x1": Code(
        "contract", "float32", ONCE, ONCE, ONCE, (3, 2, 1), activation=ACTIVATIONS["relu"], tiled=True
    ),
    "winograd_3x3": Code("winograd", "float32", FLAT, ONCE, ONCE, (2, 1, 2)),
    "stencil_3x3": Code("stencil", "float32", FLAT, ONCE, ONCE, (1, 2, 2)),
    "stencil_3x3_stride_2": Code("stencil", "float64", FLAT, (1, 2, 2), ONCE, (1, 2, 1)),
    "stencil_3x3_direct": Code("stencil", "float32", FLAT, ONCE, ONCE, (1, 2, 2), direct=True),
    "depthwise_3x3": Code(
        "depthwise", "float32", FLAT, ONCE, ONCE, (3, 2, 1), activation=ACTIVATIONS["relu"]
    ),
    "depthwise_3x3_whole_by_channel": Code(
        "depthwise", "float32", FLAT, (1, 2, 2), ONCE, (2, 2, 1), "channel", "channel", whole=True
    ),
    "separable_9x9": Code("separable", "float32", (1, 9, 9), ONCE, ONCE, (1, 1, 3)),
    "separable_9x9_box": Code(
        "separable", "float32", (1, 9, 9), ONCE, ONCE, (1, 1, 3), boxes=(False, True, True)
    ),
    "dot_3x3": Code("dot", "int32", FLAT, ONCE, ONCE, (2, 1, 1), input_dtype="uint8", weight_dtype="int8"),
    "dot_1x1_by_channel": Code(
        "dot",
        "int32",
        ONCE,
        ONCE,
        ONCE,
        (2, 1, 1),
        "channel",
        "channel",
        input_dtype="int8",
        weight_dtype="int8",
        output_dtype="uint8",
        saturated=True,
    ),
    "stencil_3x3_whole": Code("stencil", "float32", FLAT, ONCE, ONCE, (1, 2, 2), whole=True),
}
W = Affine.symbol("w")


@pytest.mark.parametrize("name", CODES)
def test_nests(name: str, update_goldens: bool) -> None:
    target = BASELINE if name.endswith("by_channel") else AVX2
    check_golden(name, show(lower(CODES[name], target).routine), update_goldens)


@pytest.mark.parametrize("name", ["contract_3x3", "stencil_3x3", "winograd_3x3", "dot_1x1_by_channel"])
def test_packing(name: str, update_goldens: bool) -> None:
    check_golden(f"pack_for_{name}", show(lower(CODES[name], AVX2).packing), update_goldens)


def small_nest(lanes: int) -> Routine:
    """Return a nest that adds the first number of each line to all of it, a vector at a time."""
    pen = Pen()
    with pen.share([("y", Affine.symbol("h"), 2)]) as ((y, count),), pen.loop("i", 0, count) as i:
        pen.number("ones", 1.0, "float32", lanes)
        with pen.loop("x", 0, W, lanes, overlap=True) as x:
            pen.load("left", "source", [y + i, x], lanes)
            pen.repeat("right", "source", [y + i, 0], lanes)
            pen.compute("sum", "fma", "left", "ones", "right")
            pen.store("target", [y + i, x], pen.compute("sum", "relu", "sum"), lanes)
    plane = affines([Affine.symbol("h"), W])
    buffers = (Buffer("source", "float32", plane, "input"), Buffer("target", "float32", plane, "output"))
    return Routine("add", ("h", "w"), affines([Affine.symbol("h"), W]), buffers, pen.body())


@pytest.mark.parametrize("target", [AVX2, BASELINE, NEON], ids=lambda target: target.name)
def test_llvm_ir(target: Target, update_goldens: bool) -> None:
    check_golden(f"llvm_{target.name}", emit(small_nest(target.lanes(4)), target), update_goldens)


def test_every_statement() -> None:
    pen = Pen()
    with pen.share([("y", W, 2)]), pen.blocks("c", W + 1, 4):
        pass
    with pen.loop("x", [0, W - 8], [W, 64], 8, overlap=True):
        pass
    with pen.loop("x", 0, W):
        pass
    with pen.walk(2, 3, W, W):
        pass
    with pen.when(W - 8):
        pass
    pen.quotient("q", W + 1, 2)
    pen.lookup("v", "table", W)
    pen.smallest("s", W, 3)
    pen.to_line("lead", "line", [W])
    pen.number("zero", 0.0, "float32", 8)
    pen.load("some", "line", [W], 4, 2)
    pen.repeat("same", "line", [0], 4)
    pen.compute("sum", "fma", "some", "same", "zero")
    pen.ramp("here", W + 1, 2, 4)
    pen.select("best", "some", "same", "here", "there")
    pen.convert("byte", "uint8", "sum", saturated=True)
    pen.join("words", "byte")
    pen.transpose(["a", "b"], ["c", "d"])
    pen.mark("line", [W], "sum")
    pen.store("line", [W, 0], "sum", 4)
    pen.store("line", [W, 0], "sum", 4, streams=True)
    pen.prefetch("line", [W + 64])
    assert {type(one) for one in statements(pen)} == set(get_args(Statement))
    assert [head(one) for one in statements(pen)] == [
        "share (y0, y_count) of w by 2:",
        "blocks c0, c_count of w + 1 by 4:",
        "for x from max(0, w - 8) below min(w, 64) by 8 overlap:",
        "for x from 0 below w:",
        "walk step, (row0, column0), (row1, column1) over (3) × (w), at most w:",
        "when w - 8 >= 0:",
        "let q = (w + 1) // 2",
        "let v = table[w]",
        "let s = min(w, 3)",
        "let lead = numbers from line[w] to the next line",
        "zero = 0.0 × 8",
        "some = line[w] × 4 step 2",
        "same = repeat line[0] × 4",
        "sum = fma(some, same, zero)",
        "here = w + 1, w + 3, ... × 4",
        "best = here if some beats same else there",
        "byte = uint8(sum) saturated",
        "words = words(byte)",
        "a, b = transpose(c, d)",
        "mark line[w] if sum is NaN",
        "line[w, 0] × 4 = sum",
        "line[w, 0] × 4 = sum past the caches",
        "prefetch line[w + 64]",
    ]


def statements(pen: Pen) -> list[Statement]:
    """Return the statements of a nest, outer ones before those in their bodies."""
    found: list[Statement] = []
    for statement in pen.body():
        found += [statement, *getattr(statement, "body", ())]
    return found


def test_buffers_and_domain() -> None:
    table = Buffer("table", "int64", (W,), "table", values=(Affine.of(-1), W))
    routine = Routine("small", ("w",), (W, W - 3), (line(length=W, contiguous=False), table), ())
    assert show(routine).splitlines() == [
        "small(w)",
        "  where w >= 0, w - 3 >= 0",
        "  output line: float32 [w], neighbours apart",
        "  table table: int64 [w], values from -1 below w",
    ]


def test_otherwise() -> None:
    pen = Pen()
    with pen.when(W):
        pen.number("a", 1.0, "float32", 1)
    with pen.otherwise():
        pen.number("a", 2.0, "float32", 1)
    text = show(Routine("small", ("w",), (), (), pen.body()))
    assert text.splitlines()[1:] == ["when w >= 0:", "  a = 1.0", "else:", "  a = 2.0"]


def test_goldens_can_fail(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.compiler.golden.FOLDER", tmp_path)
    with pytest.raises(AssertionError, match="is missing: write it with pytest --update-goldens"):
        check_golden("one", "text", update=False)
    check_golden("one", "text", update=True)
    check_golden("one", "text", update=False)
    with pytest.raises(AssertionError, match="differs"):
        check_golden("one", "other text", update=False)
