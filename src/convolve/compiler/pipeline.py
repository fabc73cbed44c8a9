"""The compiler from top to bottom: what to specialise to -> loop nests, verified -> LLVM IR."""

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
class Compiled:
    """The stages of one compilation, each of them printable.

    Attributes
    ----------
    routine, packing
        Loop nests of the convolution and of the packing of its weights.
    ir
        One LLVM module that holds both.
    """

    routine: Routine
    packing: Routine
    ir: str


def compile_ir(code: Code, target: Target) -> Compiled:
    """Compile what a routine is specialised to, for a target."""
    routine = METHODS[code.method](code, target)
    packing = pack(code, target)
    verify(routine)
    verify(packing)
    return Compiled(routine, packing, module([routine, packing], target))


def module(routines: list[Routine], target: Target) -> str:
    """Return the text of one LLVM module that holds some routines."""
    bits = target.vector_bytes * 8
    parts = [emit(routine, target) for routine in routines]
    declared = sorted({line for part in parts for line in part.splitlines() if line.startswith("declare")})
    bodies = ["\n".join(line for line in part.splitlines() if line[:7] != "declare") for part in parts]
    width = f'"prefer-vector-width"="{bits}" "min-legal-vector-width"="{bits}"'
    return "\n\n".join(["\n".join(declared), *bodies, f"attributes #0 = {{ nounwind {width} }}\n"])
