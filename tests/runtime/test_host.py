"""Which target describes this machine, and how many CPUs it has: from the system's words, made up here."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from convolve.compiler.target import AVX2, AVX512, AVX512_VNNI, BASELINE, NEON
from convolve.errors import ArgumentError
from convolve.runtime import host

FLAGS = {
    "avx512-vnni": "fpu avx avx2 fma f16c bmi1 bmi2 avx512f avx512bw avx512cd avx512dq avx512vl avx512_vnni",
    "avx512": "fpu avx avx2 fma f16c bmi1 bmi2 avx512f avx512bw avx512cd avx512dq avx512vl",
    "avx2": "fpu avx avx2 fma f16c bmi1 bmi2",
    "x86-64": "fpu sse sse2",
}
"""What CPUs of each kind say of themselves."""


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    """Forget the target before and after each test."""
    host.host_target.cache_clear()
    yield
    host.host_target.cache_clear()


def pretend(monkeypatch: pytest.MonkeyPatch, folder: Path, flags: str, machine: str = "x86_64") -> None:
    """Make the system say that it has another CPU."""
    (folder / "cpuinfo").write_text(f"processor\t: 0\nmodel name\t: A CPU: 9\nflags\t\t: {flags}\n")
    monkeypatch.setattr(host, "CPUINFO", folder / "cpuinfo")
    monkeypatch.setattr(host, "CACHES", folder / "caches")
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.delenv(host.VARIABLE, raising=False)


@pytest.mark.parametrize("kind", FLAGS)
def test_the_widest_target_that_the_cpu_runs(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, tmp_path, FLAGS[kind])
    assert host.host_target().name == kind
    assert host.cpu_name() == "A CPU: 9"
    widest_first = [AVX512_VNNI, AVX512, AVX2, BASELINE]
    assert host.runnable() == widest_first[[target.name for target in widest_first].index(kind) :]


@pytest.mark.parametrize(("kind", "family", "units"), [("avx512", 25, 1), ("avx512", 26, 2), ("avx2", 25, 2)])
def test_a_cpu_that_takes_wide_vectors_in_halves(
    kind: str, family: int, units: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, tmp_path, f"{FLAGS[kind]}\nvendor_id\t: AuthenticAMD\ncpu family\t: {family}")
    assert host.host_target().units == units


@pytest.mark.parametrize("kind", ["avx512-vnni", "avx512", "avx2"])
def test_each_missing_instruction_counts(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for missing in sorted(host.NEEDS[kind]):
        left = " ".join(flag for flag in FLAGS[kind].split() if flag != missing)
        pretend(monkeypatch, tmp_path, left)
        assert kind not in [target.name for target in host.runnable()], missing


def test_arm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, tmp_path, "", "aarch64")
    assert host.runnable() == [NEON]


def test_a_narrower_target_can_be_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, tmp_path, FLAGS["avx512"])
    monkeypatch.setenv(host.VARIABLE, "avx2")
    assert host.host_target() == AVX2


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (
            "avx512",
            "CONVOLVE_TARGET='avx512': this CPU cannot run it; choose one of avx2, x86-64, or unset it",
        ),
        ("neon", "CONVOLVE_TARGET='neon': this CPU cannot run it; choose one of avx2, x86-64"),
        ("mmx", "CONVOLVE_TARGET='mmx': there is no such target; choose one of avx2, x86-64"),
    ],
)
def test_a_target_that_cannot_be(
    wanted: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, tmp_path, FLAGS["avx2"])
    monkeypatch.setenv(host.VARIABLE, wanted)
    with pytest.raises(ArgumentError) as caught:
        host.host_target()
    assert words in str(caught.value)


def test_without_proc_llvm_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = host.cpu_flags()
    monkeypatch.setattr(host, "CPUINFO", tmp_path / "nothing")
    for kind, needs in host.NEEDS.items():
        assert (host.cpu_flags() >= needs) == (before >= needs), kind
    assert host.cpu_name()


def lay_caches(folder: Path, *caches: tuple[str, str, str]) -> None:
    for number, described in enumerate(caches):
        (folder / f"index{number}").mkdir(parents=True)
        for name, text in zip(("level", "type", "size"), described, strict=True):
            (folder / f"index{number}" / name).write_text(text + "\n")


def test_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_caches(
        tmp_path,
        ("1", "Instruction", "99K"),
        ("1", "Data", "48K"),
        ("2", "Unified", "2M"),
        ("3", "Unified", "?"),
    )
    monkeypatch.setattr(host, "CACHES", tmp_path)
    monkeypatch.delenv(host.VARIABLE, raising=False)
    assert [host.cache_bytes(level) for level in (1, 2, 3, 4)] == [48 << 10, 2 << 20, 0, 0]
    found = host.host_target()
    assert (found.l1_bytes, found.l2_bytes) == (48 << 10, 2 << 20)


def test_caches_that_the_system_does_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, tmp_path, FLAGS["avx2"])
    assert host.cache_bytes(1) == 0
    assert host.host_target() == AVX2


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "nonsense\n"}, None),
        ({"cpu.max": "100000 0\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "0\n"}, None),
        ({"slice/job/cpu.max": "70000 100000\n", "slice/cpu.max": "max 100000\n"}, 0.7),
        ({"slice/job/cpu.max": "max 100000\n", "slice/cpu.max": "60000 100000\n"}, 0.6),
        ({"slice/other/cpu.max": "50000 100000\n"}, None),
        ({"cpu/docker/cpu.cfs_quota_us": "50000\n", "cpu/docker/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({}, None),
    ],
)
def test_the_share_of_a_container(
    files: dict[str, str], cpus: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "membership").write_text("9:name=systemd:/\n4:cpu,cpuacct:/docker/1a2b\n0::/slice/job\n")
    monkeypatch.setattr(host, "CGROUP", tmp_path)
    monkeypatch.setattr(host, "MEMBERSHIP", tmp_path / "membership")
    assert host.cgroup_cpus() == cpus


def test_a_system_without_control_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "MEMBERSHIP", tmp_path / "membership")
    assert host.cgroup_cpus() is None


@pytest.mark.parametrize(
    ("allowed", "quota", "usable"), [(8, None, 8), (8, 2.5, 3), (8, 0.1, 1), (2, 6.0, 2), (1, None, 1)]
)
def test_usable_cpus(allowed: int, quota: float | None, usable: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(allowed)), raising=False)
    monkeypatch.setattr(host, "cgroup_cpus", lambda: quota)
    assert host.usable_cpus() == usable


EXACT = """
import numpy as np, convolve
from convolve.runtime.host import host_target
for channels, filters, taps in ((1, 1, 5), (3, 8, 3), (40, 33, 1)):
    for dtype in ("float32", "float64"):
        image = (np.arange(2 * channels * 23 * 29) % 7).astype(dtype).reshape(2, channels, 23, 29)
        weight = (np.arange(filters * channels * taps * taps) % 5 - 2).astype(dtype)
        weight = weight.reshape(filters, channels, taps, taps)
        expected = convolve.conv2d(image, weight, padding=taps // 2, algorithm="reference")
        assert np.array_equal(convolve.conv2d(image, weight, padding=taps // 2), expected)
print(host_target().name)
"""


@pytest.mark.parametrize("name", [target.name for target in host.runnable()])
def test_every_target_that_this_cpu_runs_is_right(name: str) -> None:
    environment = {**os.environ, host.VARIABLE: name, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", EXACT], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{name}\n", "")
