"""Routines for 64-bit ARM, run by qemu: a program without an operating system's library around them.

The program reads a request, an image of memory among it, runs one routine on it, and writes the image back.
LLVM makes its code, Debian's binutils link it, and its qemu-user runs it.
"""

import ctypes
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from convolve.compiler.interpreter import unwritten
from convolve.compiler.layout import argument_layout
from convolve.compiler.loopnest import Routine
from convolve.compiler.pipeline import module
from convolve.compiler.target import NEON
from convolve.runtime import jit
from tests.compiler.cases import Array
from tests.peers import missing

QEMU, ASSEMBLER, LINKER = "qemu-aarch64", "aarch64-linux-gnu-as", "aarch64-linux-gnu-ld"

BASE = 1 << 32
"""Where the image of memory is placed; far from the program's own 4 MiB."""

APART, FILLER = 256, 0xA5
"""Bytes between two arrays, at least, and what they hold: nothing of it may change."""

ALIGNMENT = 64

SYSTEM = """\
.globl system
system:
    mov x8, x0
    mov x0, x1
    mov x1, x2
    mov x2, x3
    mov x3, x4
    mov x4, x5
    mov x5, x6
    svc #0
    ret
"""
"""Linux's calls on 64-bit ARM: the number in x8, arguments from x0 on. llvmlite has no assembler for it."""

MOVE = """\
declare i64 @system(i64, i64, i64, i64, i64, i64, i64)

; Read (63) or write (64) so many bytes: the system may do it in several steps.
define internal void @move(i64 %number, i64 %file, i64 %start, i64 %bytes) noinline {
entry:
  br label %step
step:
  %done = phi i64 [ 0, %entry ], [ %more, %step ]
  %at = add i64 %start, %done
  %left = sub i64 %bytes, %done
  %moved = call i64 @system(i64 %number, i64 %file, i64 %at, i64 %left, i64 0, i64 0, i64 0)
  %more = add i64 %done, %moved
  %some = icmp sgt i64 %moved, 0
  %short = icmp slt i64 %more, %bytes
  %again = and i1 %some, %short
  br i1 %again, label %step, label %end
end:
  ret void
}
"""
WORDS = ("bytes", "routine", "arguments", "items", "scratch")
"""A request: how large the image is, which routine to run, and what it is called with."""

START = """\
@request = internal global [{words} x i64] zeroinitializer

define void @_start() {{
  %bytes_of_request = ptrtoint ptr @request to i64
  call void @move(i64 63, i64 0, i64 %bytes_of_request, i64 {request_bytes})
{loads}
  %image = call i64 @system(i64 222, i64 {base}, i64 %bytes, i64 3, i64 50, i64 -1, i64 0)
  call void @move(i64 63, i64 0, i64 {base}, i64 %bytes)
  %to_arguments = inttoptr i64 %arguments to ptr
  %to_scratch = inttoptr i64 %scratch to ptr
  switch i64 %routine, label %end [ {choices} ]
{calls}
end:
  call void @move(i64 64, i64 1, i64 {base}, i64 %bytes)
  call i64 @system(i64 93, i64 0, i64 0, i64 0, i64 0, i64 0, i64 0)
  ret void
}}
"""
"""222 is mmap: readable and writable (3), private, anonymous and at this very place (50). 93 is exit."""


def start(routines: list[Routine]) -> str:
    """Return LLVM IR of the program's entry."""
    loads = [
        f"  %{name}_at = getelementptr i64, ptr @request, i64 {place}\n  %{name} = load i64, ptr %{name}_at"
        for place, name in enumerate(WORDS)
    ]
    calls = [
        f"run{place}:\n  call void @{routine.name}(ptr %to_arguments, i64 0, i64 %items, ptr %to_scratch)\n"
        "  br label %end"
        for place, routine in enumerate(routines)
    ]
    choices = " ".join(f"i64 {place}, label %run{place}" for place in range(len(routines)))
    return START.format(
        words=len(WORDS), request_bytes=8 * len(WORDS), base=BASE,
        loads="\n".join(loads), choices=choices, calls="\n".join(calls),
    )  # fmt: skip


class Memory:
    """The image of memory that a program works on, with a filler between what is placed in it."""

    def __init__(self) -> None:
        self.image = bytearray()

    def place(self, content: bytes) -> int:
        """Place some bytes and return their address."""
        self.image += bytes([FILLER]) * (APART - len(self.image) % ALIGNMENT)
        self.image += content
        return BASE + len(self.image) - len(content)


class Emulated:
    """Some routines as a program for 64-bit ARM."""

    def __init__(self, routines: list[Routine]) -> None:
        for tool in (QEMU, ASSEMBLER, LINKER):
            if not shutil.which(tool):
                missing(tool, "apt-get install qemu-user binutils-aarch64-linux-gnu")
        self._names = [routine.name for routine in routines]
        self._folder = tempfile.TemporaryDirectory(prefix="convolve-arm-")
        self._program = str(Path(self._folder.name, "program"))
        text = "\n".join([module(routines, NEON), MOVE, start(routines)])
        objects = [str(Path(self._folder.name, name)) for name in ("program.o", "system.o")]
        Path(objects[0]).write_bytes(jit.make_object(text, NEON))
        subprocess.run([ASSEMBLER, "-o", objects[1]], input=SYSTEM.encode(), check=True)
        subprocess.run([LINKER, "-static", "-o", self._program, *objects], check=True)

    def call(
        self, routine: Routine, arrays: Mapping[str, Array], values: Mapping[str, int], items: int
    ) -> None:
        """Run the items of a routine; scratch is full of NaN, and what lies between arrays must stay."""
        layout, memory = argument_layout(routine), Memory()
        words, places, scratch = [0] * layout.words, [], b""
        for buffer in routine.buffers:
            shape = tuple(extent.value(values) for extent in buffer.extents)
            if buffer.role == "scratch":
                array = unwritten(shape, buffer.dtype)
                words[layout.pointers[buffer.name]] = len(scratch)
                scratch += array.tobytes()
            else:
                array = arrays[buffer.name]
                low, high = np.lib.array_utils.byte_bounds(array)
                address = memory.place(ctypes.string_at(low, high - low))
                words[layout.pointers[buffer.name]] = address + array.ctypes.data - low
                places.append((address - BASE, low, high - low))
            first = layout.strides[buffer.name]
            words[first : first + array.ndim] = array.strides
        for name, place in layout.parameters.items():
            words[place] = values[name]
        room, arguments = memory.place(scratch), memory.place(struct.pack(f"<{len(words)}q", *words))
        places += [(room - BASE, 0, len(scratch))]
        memory.place(b"")
        request = (len(memory.image), self._names.index(routine.name), arguments, items, room)
        after = self._run(struct.pack(f"<{len(WORDS)}q", *request) + memory.image)
        _check_between(bytes(memory.image), after, places)
        for place, low, size in places[:-1]:
            ctypes.memmove(low, after[place : place + size], size)

    def _run(self, request: bytes) -> bytes:
        """Return the image of memory that the program leaves."""
        done = subprocess.run([QEMU, self._program], input=request, capture_output=True, check=False)
        assert done.returncode == 0, f"{done.returncode}: {done.stderr.decode()}"
        return done.stdout


def _check_between(before: bytes, after: bytes, places: list[tuple[int, int, int]]) -> None:
    """Fail if anything changed outside the places."""
    assert len(after) == len(before)
    end = 0
    for place, _, size in [*places, (len(before), 0, 0)]:
        assert after[end:place] == before[end:place], f"changed between {end} and {place}"
        end = place + size
