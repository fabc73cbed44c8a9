"""LLVM IR -> machine code in this process, through llvmlite; the only room that knows llvmlite.binding.

llvmlite is imported when code is first made or loaded, so that importing the package stays cheap.
"""

from dataclasses import dataclass
from typing import Any

from convolve.compiler.target import Target
from convolve.runtime.locks import fork_safe_lock

_LOCK = fork_safe_lock()
"""Held in every call of LLVM, which itself runs one at a time only."""
_started: set[str] = set()


@dataclass(frozen=True, slots=True)
class Library:
    """Machine code in this process: it stays in memory as long as this object lives."""

    addresses: dict[str, int]
    keep: tuple[Any, ...]


def binding(every_target: bool = False) -> Any:
    """Return llvmlite.binding, ready to load code for this machine, or to make it for every target."""
    import llvmlite.binding as llvm  # 80 ms and 170 MB: only when code is made or loaded

    with _LOCK:
        if "this" not in _started:
            llvm.initialize_native_target()
            llvm.initialize_native_asmprinter()
            _started.add("this")
        if every_target and "every" not in _started:
            llvm.initialize_all_targets()
            llvm.initialize_all_asmprinters()
            _started.add("every")
    return llvm


def make_object(ir: str, target: Target) -> bytes:
    """Return the object code of a module for a target."""
    with _LOCK:
        machine, module = _optimised(ir, target)
        code: bytes = machine.emit_object(module)
        return code


def make_assembly(ir: str, target: Target) -> str:
    """Return the assembly of a module for a target: what `make_object` makes, for people and for tests."""
    with _LOCK:
        machine, module = _optimised(ir, target)
        text: str = machine.emit_assembly(module)
        return text


def _optimised(ir: str, target: Target) -> tuple[Any, Any]:
    """Return a target machine and the module, its stack slots turned into registers."""
    llvm = binding(every_target=True)
    kind = llvm.Target.from_triple(target.triple)
    machine = kind.create_target_machine(
        cpu=target.cpu, features=target.features, opt=2, reloc="pic", codemodel="small", jit=False
    )
    module = llvm.parse_assembly(ir)
    module.verify()
    module.triple = target.triple
    module.data_layout = str(machine.target_data)
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=1)))
    return machine, module


def load(code: bytes, names: tuple[str, ...]) -> Library:
    """Load object code into this process and return the addresses of its functions.

    One LLJIT per library: its memory goes back when the library is dropped (1.4 ms each, flat), while
    dropping libraries inside one shared LLJIT leaks 9 kB each. JITLink puts all of it in one piece; LLVM's
    older linker puts code and constants where there is room, and ends the process if that is 2 GB apart.
    """
    llvm = binding()
    with _LOCK:
        engine = llvm.create_lljit_compiler(use_jit_link=True)
        builder = llvm.JITLibraryBuilder().add_object_img(code)
        for name in names:
            builder.export_symbol(name)
        tracker = builder.link(engine, "routine")
    return Library({name: tracker[name] for name in names}, (tracker, engine))
