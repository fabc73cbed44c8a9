"""The machine that this process runs on: which target describes its CPU, and how many CPUs it may use.

Everything is read from the operating system's own words, because asking LLVM would cost its import, 80 ms.
"""

import contextlib
import functools
import math
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from convolve.compiler.target import AVX2, AVX512, AVX512_VNNI, BASELINE, NEON, TARGETS, Target
from convolve.errors import ArgumentError

VARIABLE = "CONVOLVE_TARGET"

AVX512_FLAGS = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx2", "fma", "f16c"}

NEEDS = {
    "avx512-vnni": AVX512_FLAGS | {"avx512_vnni"},
    "avx512": AVX512_FLAGS,
    "avx2": {"avx2", "fma", "f16c", "bmi1", "bmi2"},
    "x86-64": set(),
}
"""What a CPU must say of itself, in Linux's words, before code for a target may run on it. The system lists
only what it has switched on, so the registers of AVX are known to be kept for every process."""

CPUINFO = Path("/proc/cpuinfo")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
CGROUP = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


@functools.cache
def host_target() -> Target:
    """Return the target that describes this CPU, with its units and the sizes of its caches.

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
    chosen = chosen.with_caches(*map(cache_bytes, (1, 2, 3)))
    facts = cpu_facts()
    return chosen.of_cpu(facts.get("vendor_id", ""), int(facts.get("cpu family", "0")))


def runnable() -> list[Target]:
    """Return the targets whose code this CPU runs, the widest first."""
    if platform.machine() in ("aarch64", "arm64"):
        return [NEON]
    flags = cpu_flags()
    return [target for target in (AVX512_VNNI, AVX512, AVX2, BASELINE) if flags >= NEEDS[target.name]]


def cpu_flags() -> set[str]:
    """Return what the CPU says of itself, in Linux's words; on other systems in LLVM's."""
    flags = cpu_facts().get("flags")
    return _flags_by_llvm() if flags is None else set(flags.split())


def cpu_facts() -> dict[str, str]:
    """Return what Linux says of the first CPU; nothing on other systems."""
    try:
        first, _, _ = CPUINFO.read_text().partition("\n\n")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): text.strip() for name, _, text in pairs}


def _flags_by_llvm() -> set[str]:
    """Return LLVM's features, which are called as Linux's flags are but for two."""
    from convolve.runtime.jit import binding  # imports llvmlite: only where the system says nothing

    found = {name for name, on in binding().get_host_cpu_features().items() if on}
    return found | {
        linux for llvm, linux in (("bmi", "bmi1"), ("avx512vnni", "avx512_vnni")) if llvm in found
    }


def cpu_name() -> str:
    """Return the CPU's model as the system calls it, for the cache's keys and for people."""
    return cpu_facts().get("model name") or platform.processor() or platform.machine()


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
    allowed = len(usable_cpu_numbers()) or os.cpu_count() or 1
    quota = cgroup_cpus()
    return max(1, allowed if quota is None else min(allowed, math.ceil(quota)))


def usable_cpu_numbers() -> frozenset[int]:
    """Return the numbers of the CPUs that this thread may run on; none where the system does not tell."""
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()


def cgroup_cpus() -> float | None:
    """Return the CPU time per second that this process's control groups allow, None if none limits it."""
    quotas = [quota for folder in _groups() if (quota := _quota(folder)) is not None]
    return min(quotas, default=None)


def _groups() -> Iterator[Path]:
    """Yield the folders of this process's control group and of those around it.

    A line is "0::/path" for version 2 and "4:cpu,cpuacct:/path" for version 1. A container may name a path
    that only its host has; the outermost folder is its own then.
    """
    try:
        lines = MEMBERSHIP.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        outermost = CGROUP / "cpu" if controllers else CGROUP
        inner = outermost / path.strip("/")
        yield from (folder for folder in (inner, *inner.parents) if folder.is_relative_to(outermost))


def _quota(folder: Path) -> float | None:
    """Return the CPU time per second that one control group allows, None if it does not say."""
    with contextlib.suppress(
        OSError, ValueError, ZeroDivisionError
    ):  # version 2: "max 100000", "150000 100000"
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):  # version 1: -1 means no limit
        quota = (folder / "cpu.cfs_quota_us").read_text()
        period = (folder / "cpu.cfs_period_us").read_text()
        return int(quota) / int(period) if int(quota) > 0 else None
    return None
