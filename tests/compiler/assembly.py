"""Reads assembly: the innermost loops that multiply and add, what they spill and what they call."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from convolve.compiler.lower.gradient import gradient
from convolve.compiler.pipeline import compile_alone, compile_ir, lower
from convolve.compiler.plan import Code
from convolve.compiler.target import Target
from convolve.runtime import jit

LABEL = re.compile(r"^(\.L\w+):")
JUMP = re.compile(r"^\s+(?:j\w+|b(?:\.\w+)?|cbn?z|tbn?z)\s(?:.*,\s*)?(\.L\w+)")
CALL = re.compile(r"^\s+(?:callq?|blr?)\s")
MULTIPLIES = re.compile(
    r"^\s+(?:vfn?madd\w+p[sd]|fmla|fmul|v?mulp[sd]|v?pmulld|v?pmuludq|vpmullq|vpdpbusd)\s|^\s+(?:mul|mla)\s+v"
)
ON_STACK = re.compile(r"%[xyz]mm\d.*\(%rsp[,)]|\(%rsp[,)].*%[xyz]mm\d|\b[qv]\d.*\[sp\b")
"""A vector register together with a place on the stack: spilled, or read back, perhaps by an addition."""


@dataclass(frozen=True)
class Loop:
    """An innermost loop with multiplications of whole vectors, or calls of who knows what."""

    lines: tuple[str, ...]

    @property
    def products(self) -> int:
        return sum(bool(MULTIPLIES.match(line)) for line in self.lines)

    @property
    def spills(self) -> list[str]:
        return [line.strip() for line in self.lines if ON_STACK.search(line)]

    @property
    def calls(self) -> list[str]:
        return [line.strip() for line in self.lines if CALL.match(line)]

    def has(self, instruction: str) -> bool:
        return any(re.match(rf"\s+{instruction}", line) for line in self.lines)


def hot_loops(code: Code, target: Target) -> list[Loop]:
    """Return the innermost loops of a convolution's machine code; the packing of weights is left out."""
    if code.method.startswith("gradient"):
        ir = compile_alone(gradient(code, target), target)
    else:
        ir = compile_ir(lower(code, target), target)
    text = jit.make_assembly(ir, target)
    name = "gradient" if code.method.startswith("gradient") else code.method
    start = text.index(f"\n{name}:")
    lines = text[start : text.index("\n.Lfunc_end", start)].splitlines()
    loops = (Loop(tuple(lines[first : last + 1])) for first, last in innermost(lines))
    return [loop for loop in loops if loop.products or loop.calls]


def innermost(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield the first and last line of every loop that holds no other: jumps backwards close loops."""
    labels = {found[1]: place for place, line in enumerate(lines) if (found := LABEL.match(line))}
    closed: dict[int, int] = {}
    for place, line in enumerate(lines):
        jump = JUMP.match(line)
        if jump and labels.get(jump[1], place + 1) <= place:
            closed[labels[jump[1]]] = place
    for first, last in closed.items():
        if not any(first <= other and end <= last and other != first for other, end in closed.items()):
            yield first, last
