"""A routine for tests of the thread pool: items count themselves, and see whether their scratch is theirs."""

import ctypes
import functools
import threading
from collections.abc import Callable
from typing import Any

from convolve.runtime import jit, threads
from convolve.runtime.host import host_target

SPOILT = 1 << 32
"""Added to the cell of an item whose scratch was written to by another thread."""

IR = f"""
; args: cells, turns. Item i adds 1 to cells[i]; meanwhile its scratch must keep what was written to it.
define void @count(ptr %args, i64 %begin, i64 %end, ptr %scratch) {{
entry:
  %cells = load ptr, ptr %args, align 8
  %turns_at = getelementptr i64, ptr %args, i64 1
  %turns = load i64, ptr %turns_at, align 8
  %some = icmp slt i64 %begin, %end
  br i1 %some, label %item, label %leave
item:
  %i = phi i64 [ %begin, %entry ], [ %next, %counted ]
  store volatile i64 %i, ptr %scratch, align 8
  br label %turn
turn:
  %t = phi i64 [ 0, %item ], [ %t1, %turn ]
  %t1 = add i64 %t, 1
  %seen = load volatile i64, ptr %scratch, align 8
  %on = icmp slt i64 %t1, %turns
  br i1 %on, label %turn, label %counted
counted:
  %same = icmp eq i64 %seen, %i
  %amount = select i1 %same, i64 1, i64 {SPOILT}
  %cell = getelementptr i64, ptr %cells, i64 %i
  %old = atomicrmw add ptr %cell, i64 %amount monotonic
  %next = add i64 %i, 1
  %again = icmp slt i64 %next, %end
  br i1 %again, label %item, label %leave
leave:
  ret void
}}
"""


_lock = threading.Lock()


@functools.cache
def _library() -> jit.Library:
    target = host_target()
    return jit.load(jit.make_object(IR, target), ("count",))


def routine() -> int:
    """Return the address of the routine; of two libraries made at once one would be dropped while it runs."""
    with _lock:
        return _library().addresses["count"]


class Job:
    """Cells to count in, and the arguments of the routine."""

    def __init__(self, items: int, turns: int = 1) -> None:
        self.items = items
        self.cells = (ctypes.c_int64 * max(1, items))()
        self._args = (ctypes.c_int64 * 2)(ctypes.addressof(self.cells), turns)
        self.routine, self.args = routine(), ctypes.addressof(self._args)

    def run(self, run: Callable[..., Any], cost_ns: float, scratch_bytes: int = 64) -> None:
        """Run the job with `threads.run` or something like it."""
        run(self.routine, self.args, self.items, scratch_bytes, cost_ns)

    def counts(self) -> set[int]:
        """Return the different numbers of times that items were done."""
        return set(self.cells[: self.items])


def check_jobs(count: int, jobs: int | None, ended: threading.Event | None = None) -> None:
    """Run so many jobs on so many threads, or until an event, and fail if one is wrong."""
    threads.set_num_threads(count)
    done = 0
    while done != jobs and not (ended and ended.is_set()):
        job = Job(10 + done % 90, 10)
        job.run(threads.run, 3e4 if done % 3 else 1e3)
        assert job.counts() == {1}
        done += 1
