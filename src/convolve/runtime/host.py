"""The machine that this process runs on: which target describes its CPU, and how many CPUs it may use.

Everything is read from the operating system's own words, because asking LLVM would cost its import, 80 ms.
"""

import functools
import math
import os
import platform
from pathlib import Path

from convolve.compiler.target import AVX2, AVX512, BASELINE, NEON, TARGETS, Target
from convolve.errors import ArgumentError

VARIABLE = "CONVOLVE_TARGET"

NEEDS = {
    "avx512": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx2", "fma", "f16c"},
    "avx2": {"avx2", "fma", "f16c", "bmi1", "bmi2"},
    "x86-64": set(),
}
"""What a CPU must say of itself, in Linux's words, before code for a target may run on it. The system lists
only what it has switched on, so the registers of AVX are known to be kept for every process."""

CPUINFO = Path("/proc/cpuinfo")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
CGROUP = Path("/sys/fs/cgroup")


@functools.cache
def host_target() -> Target:
    """Return the target that describes this CPU, with the sizes of its caches.

    Raises
    ------
    ArgumentError
        If ``CONVOLVE_TARGET`` names a target that there is not, or that this CPU cannot run.
    """
    able = runnable()
    wanted = os.environ.get(VARIABLE)
    if wanted is not None and wanted not in {target.name for target in able}:
        names = ", ".join(target.name for target in able)
        known = "this CPU cannot run it" if wanted in TARGETS else "there is no such target"
        raise ArgumentError(f"{VARIABLE}={wanted!r}: {known}; choose one of {names}, or unset it")
    chosen = able[0] if wanted is None else TARGETS[wanted]
    level1, level2 = cache_bytes(1), cache_bytes(2)
    return chosen.with_caches(level1 or chosen.l1_bytes, level2 or chosen.l2_bytes)


def runnable() -> list[Target]:
    """Return the targets whose code this CPU runs, the widest first."""
    if platform.machine() in ("aarch64", "arm64"):
        return [NEON]
    flags = cpu_flags()
    return [target for target in (AVX512, AVX2, BASELINE) if flags >= NEEDS[target.name]]


def cpu_flags() -> set[str]:
    """Return what the CPU says of itself, in Linux's words; on other systems in LLVM's."""
    try:
        for line in CPUINFO.read_text().splitlines():
            if line.startswith("flags"):
                return set(line.partition(":")[2].split())
    except OSError:
        pass
    return _flags_by_llvm()


def _flags_by_llvm() -> set[str]:
    """Return LLVM's features, which are called as Linux's flags are but for one."""
    from convolve.runtime.jit import binding  # imports llvmlite: only where the system says nothing

    found = {name for name, on in binding().get_host_cpu_features().items() if on}
    return found | ({"bmi1"} if "bmi" in found else set())


def cpu_name() -> str:
    """Return the CPU's model as the system calls it, for the cache's keys and for people."""
    try:
        for line in CPUINFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def cache_bytes(level: int) -> int:
    """Return the size of one core's data cache of a level, 0 if the system does not tell."""
    for index in sorted(CACHES.glob("index*")):
        try:
            if int((index / "level").read_text()) != level:
                continue
            if (index / "type").read_text().strip() not in ("Data", "Unified"):
                continue
            text = (index / "size").read_text().strip()
            return int(text[:-1]) << {"K": 10, "M": 20}[text[-1]]
        except (OSError, ValueError, KeyError):
            continue
    return 0


def usable_cpus() -> int:
    """Return how many CPUs this process may use at once: by affinity and its container's share."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_cpus()
    return max(1, allowed if quota is None else min(allowed, math.ceil(quota)))


def cgroup_cpus() -> float | None:
    """Return the CPU time per second that the container may use, None if it is not limited."""
    try:  # cgroup version 2: "max 100000" or "150000 100000"
        quota, period = (CGROUP / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        pass
    try:  # version 1: -1 means no limit
        quota = (CGROUP / "cpu" / "cpu.cfs_quota_us").read_text()
        period = (CGROUP / "cpu" / "cpu.cfs_period_us").read_text()
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
