"""Registers: set on every path before they are read, and always of one dtype and width."""

import pytest

from convolve.compiler.affine import Affine
from convolve.compiler.builder import Pen
from convolve.compiler.loopnest import Access, Load, Repeat, Routine, Store, affines
from convolve.compiler.registers import check_registers
from convolve.errors import VerificationError
from tests.compiler.cases import line

W = Affine.symbol("w")


def check(pen: Pen) -> None:
    buffers = (line(length=W), line("wide", length=W))
    check_registers(Routine("small", ("w",), (W,), buffers, pen.body()))


def refused(pen: Pen, words: str) -> None:
    with pytest.raises(VerificationError, match=words):
        check(pen)


def test_set_before_use() -> None:
    pen = Pen()
    pen.compute("a", "copy", "b")
    refused(pen, r"small: a = copy\(b\): the register b is used before it is set")
    pen = Pen()
    pen.store("line", [0], "a")
    refused(pen, "the register a is used before it is set")


def test_a_loop_may_run_no_time() -> None:
    pen = Pen()
    with pen.loop("x", 0, W):
        pen.load("a", "line", [0])
        pen.store("line", [0], "a")
    check(pen)
    pen.store("line", [0], "a")
    refused(pen, "used before it is set")


def test_both_branches_must_set_it() -> None:
    pen = Pen()
    with pen.when(W - 1):
        pen.load("a", "line", [0])
    with pen.otherwise():
        pen.number("a", 0.0, "float32", 1)
    pen.store("line", [0], "a")
    check(pen)
    pen = Pen()
    with pen.when(W - 1):
        pen.load("a", "line", [0])
    pen.store("line", [0], "a")
    refused(pen, "used before it is set")


def test_what_was_set_outside_is_known_inside() -> None:
    pen = Pen()
    pen.number("a", 0.0, "float32", 1)
    with pen.walk(1, W, W, W), pen.blocks("x", W, 1):
        pen.store("line", [0], "a")
    check(pen)


def test_kinds_stay() -> None:
    pen = Pen()
    pen.number("a", 0.0, "float32", 1)
    pen.number("a", 0.0, "float32", 8)
    refused(pen, "the register a changes its dtype or lanes")
    pen = Pen()
    pen.load("a", "line", [0], 4)
    pen.number("a", 0.0, "float64", 4)
    refused(pen, "the register a changes its dtype or lanes")


def test_arguments_are_alike() -> None:
    pen = Pen()
    pen.load("a", "line", [0], 4)
    pen.load("b", "line", [0], 8)
    pen.compute("c", "fma", "a", "b", "a")
    refused(pen, "its arguments differ in dtype or lanes")


def test_operations_take_what_they_take() -> None:
    pen = Pen()
    pen.load("a", "line", [0], 4)
    pen.compute("c", "fma", "a", "a")
    refused(pen, "fma takes 3 arguments")
    pen = Pen()
    pen.load("a", "line", [0], 4)
    pen.compute("c", "conjure", "a")
    refused(pen, "conjure takes None arguments")


def test_transposes_are_square() -> None:
    for count, lanes, fits in ((4, 4, True), (4, 8, False), (2, 4, False)):
        pen = Pen()
        rows = [pen.load(f"r{i}", "line", [i], lanes) for i in range(count)]
        pen.transpose([f"c{i}" for i in range(count)], rows)
        if fits:
            check(pen)
        else:
            refused(pen, f"{lanes} lanes take as many registers")


def test_stores_fit() -> None:
    pen = Pen()
    pen.load("a", "line", [0], 4)
    pen.store("line", [0], "a", 8)
    refused(pen, "the register holds 4 × float32")
    access = Access("line", affines([0]), 4, step=2)
    with pytest.raises(VerificationError, match="neighbours are stored, not numbers a step apart"):
        check_registers(
            Routine(
                "small", (), (), (line(),), (Load("a", Access("line", affines([0]), 4)), Store(access, "a"))
            )
        )


def test_one_number_is_repeated() -> None:
    pen = Pen()
    pen.repeat("a", "line", [0], 8)
    pen.store("line", [0], "a", 8)
    check(pen)
    several = Repeat("a", Access("line", affines([0]), lanes=2), 8)
    with pytest.raises(VerificationError, match="one number is repeated, not several"):
        check_registers(Routine("small", (), (), (line(),), (several,)))


def test_bytes_are_joined_and_multiplied_as_words() -> None:
    pen = Pen()
    pen.number("bytes", 1.0, "uint8", 8)
    pen.join("words", "bytes")
    pen.number("sums", 0.0, "int32", 2)
    pen.compute("sums", "dot", "words", "words", "sums")
    check(pen)
    pen.join("again", "words")
    refused(pen, r"again = words\(words\): words are joined from uint8 by fours, not from 2 × int32")
    pen = Pen()
    pen.number("bytes", 1.0, "uint8", 6)
    pen.join("words", "bytes")
    refused(pen, "not from 6 × uint8")
    pen = Pen()
    pen.load("a", "line", [0])
    pen.compute("a", "dot", "a", "a", "a")
    refused(pen, "bytes are summed up in int32, not in float32")
