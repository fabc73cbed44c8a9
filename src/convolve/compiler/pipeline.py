"""The compiler from top to bottom: what to specialise to -> loop nests -> verified -> LLVM IR."""

from dataclasses import dataclass

from convolve.compiler.llvm.emitter import emit
from convolve.compiler.loopnest import Routine
from convolve.compiler.lower.contract import contract
from convolve.compiler.lower.pack import pack
from convolve.compiler.lower.stencil import stencil
from convolve.compiler.plan import Code
from convolve.compiler.target import Target
from convolve.compiler.verify import verify

METHODS = {"contract": contract, "stencil": stencil}
"""Method -> the function that writes its loop nest."""


@dataclass(frozen=True, slots=True)
class Nests:
    """The two loop nests of a convolution: its own, and that of the packing of its weights."""

    routine: Routine
    packing: Routine


def lower(code: Code, target: Target) -> Nests:
    """Write the loop nests of what a routine is specialised to."""
    return Nests(METHODS[code.method](code, target), pack(code, target))


def compile_ir(nests: Nests, target: Target) -> str:
    """Compile loop nests to one LLVM module, after proving that none of their accesses leaves its buffer."""
    verify(nests.routine)
    verify(nests.packing)
    return module([nests.routine, nests.packing], target)


def module(routines: list[Routine], target: Target) -> str:
    """Return the text of one LLVM module that holds some routines."""
    bits = target.vector_bytes * 8
    parts = [emit(routine, target) for routine in routines]
    declared = sorted({line for part in parts for line in part.splitlines() if line.startswith("declare")})
    bodies = ["\n".join(line for line in part.splitlines() if line[:7] != "declare") for part in parts]
    width = f'"prefer-vector-width"="{bits}" "min-legal-vector-width"="{bits}"'
    return "\n\n".join(["\n".join(declared), *bodies, f"attributes #0 = {{ nounwind {width} }}\n"])
