"""Frozen facts about a kind of CPU: what the planner and the emitters need to know, and all they may know.

Nothing outside this file decides by the name of an instruction set: tiles follow from `Target.registers` and
`Target.lanes`, blocking from the cache sizes, the form of a multiply-add from `Target.fma`.
"""

from dataclasses import dataclass, replace

LINE_BYTES = 64
"""A cache line of all targets: what is fetched of a row is a part of one more than it fills."""


@dataclass(frozen=True, slots=True)
class Target:
    """What code is made for. Every field changes the generated code, so all of them enter the cache key.

    Attributes
    ----------
    name
        "avx512-vnni", "avx512", "avx2", "x86-64" or "neon": for people.
    triple, cpu, features
        LLVM's description of the machine; ``features`` in LLVM's "+one,-other" form.
    vector_bytes
        Width of a vector register.
    registers
        Number of vector registers.
    fma
        Whether a fused multiply-add is one instruction; without it, multiply and add are two.
    halves
        Whether float16 becomes float32, and the other way round, by one instruction; without it, by bits.
    dots
        Whether four products of unsigned and signed bytes are added to a sum of 32 bits by one instruction.
    units
        Multiply-adds of whole vectors, and loads of whole vectors, that begin in one cycle.
    l1_bytes, l2_bytes, l3_bytes
        Data cache of one core, first and second level, and the last cache before the memory.

    Examples
    --------
    >>> AVX2.lanes(4), AVX2.registers
    (8, 16)
    >>> AVX512.lanes(8)
    8
    """

    name: str
    triple: str
    cpu: str
    features: str
    vector_bytes: int
    registers: int
    fma: bool
    halves: bool
    dots: bool = False
    units: int = 2
    l1_bytes: int = 32 << 10
    l2_bytes: int = 512 << 10
    l3_bytes: int = 32 << 20

    def lanes(self, itemsize: int) -> int:
        """Return how many numbers of this many bytes a vector register holds."""
        return self.vector_bytes // itemsize

    def with_caches(self, l1_bytes: int, l2_bytes: int, l3_bytes: int = 0) -> "Target":
        """Return this target with the caches of one particular machine; 0 where they are not known."""
        return replace(
            self,
            l1_bytes=l1_bytes or self.l1_bytes,
            l2_bytes=l2_bytes or self.l2_bytes,
            l3_bytes=l3_bytes or self.l3_bytes,
        )

    def of_cpu(self, vendor: str, family: int) -> "Target":
        """Return this target with the units of one particular CPU.

        >>> AVX512.of_cpu("AuthenticAMD", 25).units, AVX2.of_cpu("AuthenticAMD", 25).units
        (1, 2)
        """
        halved = (vendor, family) in HALVED and self.vector_bytes == 64
        return replace(self, units=1) if halved else self


HALVED = {("AuthenticAMD", 25)}
"""CPUs, by vendor and family, that take vectors of 64 bytes in halves: Zen 4 does one multiply-add of them in
a cycle (118 GFLOP/s at 3.7 GHz, 2026-11-26) and loads one, as the handbook says."""


AVX512 = Target(
    name="avx512",
    triple="x86_64-unknown-linux-gnu",
    cpu="x86-64-v4",
    features="+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl,+avx2,+fma,+f16c",
    vector_bytes=64,
    registers=32,
    fma=True,
    halves=True,
    l1_bytes=48 << 10,
    l2_bytes=2 << 20,
)
"""Servers and desktops from Skylake-X and Zen 4 on; the caches are those of Sapphire Rapids."""

AVX512_VNNI = replace(AVX512, name="avx512-vnni", features=f"{AVX512.features},+avx512vnni", dots=True)
"""Those of them that multiply bytes by fours: Cascade Lake, Ice Lake and Zen 4, and what came after them."""

AVX2 = Target(
    name="avx2",
    triple="x86_64-unknown-linux-gnu",
    cpu="x86-64-v3",
    features="+avx2,+fma,+f16c,+bmi,+bmi2",
    vector_bytes=32,
    registers=16,
    fma=True,
    halves=True,
)
"""Most x86 machines since 2013; the caches are those of Zen 3."""

BASELINE = Target(
    name="x86-64",
    triple="x86_64-unknown-linux-gnu",
    cpu="x86-64",
    features="",
    vector_bytes=16,
    registers=16,
    fma=False,
    halves=False,
    l2_bytes=256 << 10,
)
"""Every x86-64 machine: 128-bit vectors and no fused multiply-add."""

NEON = Target(
    name="neon",
    triple="aarch64-unknown-linux-gnu",
    cpu="generic",
    features="+neon",
    vector_bytes=16,
    registers=32,
    fma=True,
    halves=True,
    l1_bytes=64 << 10,
    l2_bytes=1 << 20,
)
"""Every 64-bit ARM machine; the caches are those of a Neoverse N1."""

TARGETS = {target.name: target for target in (AVX512_VNNI, AVX512, AVX2, BASELINE, NEON)}
"""The targets described, by name."""
