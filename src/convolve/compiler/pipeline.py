"""The compiler from top to bottom: what to specialise to -> loop nests -> verified -> LLVM IR."""

from dataclasses import dataclass

from convolve.compiler.llvm.emitter import STREAMED, emit
from convolve.compiler.loopnest import Routine, Signature
from convolve.compiler.lower.contract import contract, contract_signature
from convolve.compiler.lower.depthwise import depthwise, depthwise_signature
from convolve.compiler.lower.pack import pack, pack_signature
from convolve.compiler.lower.separable import separable, separable_signature
from convolve.compiler.lower.stencil import stencil, stencil_signature
from convolve.compiler.lower.winograd import winograd, winograd_signature
from convolve.compiler.plan import Code
from convolve.compiler.target import Target
from convolve.compiler.verify import verify

METHODS = {
    "contract": contract,
    "dot": contract,
    "stencil": stencil,
    "depthwise": depthwise,
    "separable": separable,
    "winograd": winograd,
}
"""Method -> the function that writes its loop nest."""

SIGNATURES = {
    "contract": contract_signature,
    "dot": contract_signature,
    "stencil": stencil_signature,
    "depthwise": depthwise_signature,
    "separable": separable_signature,
    "winograd": winograd_signature,
}
"""Method -> the function that says what a caller must know."""


@dataclass(frozen=True, slots=True)
class Nests:
    """The two loop nests of a convolution: its own, and that of the packing of its weights."""

    routine: Routine
    packing: Routine


AT_ONCE = """\
define void @at_once(ptr %call) #0 {{
  %packing = load ptr, ptr %call
  %panels_at = getelementptr i64, ptr %call, i64 1
  %panels = load i64, ptr %panels_at
  %args_at = getelementptr i64, ptr %call, i64 2
  %args = load ptr, ptr %args_at
  %items_at = getelementptr i64, ptr %call, i64 3
  %items = load i64, ptr %items_at
  %scratch_at = getelementptr i64, ptr %call, i64 4
  %scratch = load ptr, ptr %scratch_at
  call void @pack(ptr %packing, i64 0, i64 %panels, ptr %scratch)
  call void @{}(ptr %args, i64 0, i64 %items, ptr %scratch)
  ret void
}}
"""
"""Packing and convolving in one call from Python, with one argument: the block of `AT_ONCE_WORDS`. For a
convolution of some microseconds each call counts, and each argument 0.1 µs."""

AT_ONCE_WORDS = ("packing", "panels", "args", "items", "scratch")


def lower(code: Code, target: Target) -> Nests:
    """Write the loop nests of what a routine is specialised to."""
    return Nests(METHODS[code.method](code, target), pack(code, target))


def signatures(code: Code, target: Target) -> tuple[Signature, Signature]:
    """Return what a caller must know of a routine and of its packing, without writing their loop nests."""
    return SIGNATURES[code.method](code, target), pack_signature(code, target)


def compile_ir(nests: Nests, target: Target) -> str:
    """Compile loop nests to one LLVM module, after proving that none of their accesses leaves its buffer."""
    verify(nests.routine)
    verify(nests.packing)
    return "\n".join([module([nests.routine, nests.packing], target), AT_ONCE.format(nests.routine.name)])


def compile_alone(routine: Routine, target: Target) -> str:
    """Compile a routine without weights to pack to one LLVM module, after proving the same of it."""
    verify(routine)
    return module([routine], target)


def module(routines: list[Routine], target: Target) -> str:
    """Return the text of one LLVM module that holds some routines."""
    bits = target.vector_bytes * 8
    parts = [emit(routine, target) for routine in routines]
    declared = sorted({line for part in parts for line in part.splitlines() if line.startswith("declare")})
    bodies = ["\n".join(line for line in part.splitlines() if line[:7] != "declare") for part in parts]
    width = f'"prefer-vector-width"="{bits}" "min-legal-vector-width"="{bits}"'
    attributes = f"attributes #0 = {{ nounwind {width} }}\n"
    if any(STREAMED in body for body in bodies):
        attributes += f"{STREAMED} = !{{i32 1}}\n"
    return "\n\n".join(["\n".join(declared), *bodies, attributes])
