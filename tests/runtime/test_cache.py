"""F9 and F10: the disk cache gives back what was put in or nothing, whatever happens to its files.

CONVOLVE_F9 and CONVOLVE_F10 set the numbers of damaged entries and of cold starts (before a release 100,000
and 200).
"""

import contextlib
import ctypes
import errno
import json
import os
import random
import resource
import shutil
import stat
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from convolve.runtime import cache, host
from tests import seeds

DAMAGED = int(os.environ.get("CONVOLVE_F9", "500"))
ROUNDS = int(os.environ.get("CONVOLVE_F10", "1"))
PROCESSES, THREADS = 16, 8

CODE = bytes(range(256)) * 20
KEY = "a" * 64


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache of this test's own, about which nothing was warned yet."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_warned", False)
    cache._checked.cache_clear()
    yield tmp_path / "cache"
    cache._checked.cache_clear()


def warned(work: Callable[[], object]) -> list[str]:
    """Return the warnings about the cache that some work causes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        work()
    assert all(one.category is cache.CacheWarning for one in caught)
    return [str(one.message) for one in caught]


# -- entries ---------------------------------------------------------------------------------------------


def test_what_is_put_in_comes_back(folder: Path) -> None:
    assert cache.get(KEY) is None
    assert warned(lambda: cache.put(KEY, CODE)) == []
    assert cache.get(KEY) == CODE
    cache.put(KEY, b"other")
    assert cache.get(KEY) == b"other"
    assert [one.name for one in folder.iterdir()] == [KEY]


def damaged(draw: random.Random, entry: bytes) -> bytes:
    """Return an entry with bits flipped, cut off, emptied, made longer or with a part written twice."""
    kind = draw.randrange(6)
    if kind == 0:
        return entry[: draw.randrange(len(entry))]
    if kind == 1:
        return b""
    if kind == 2:
        return entry + draw.randbytes(draw.randint(1, 100))
    if kind == 3:
        start = draw.randrange(len(entry) - 1)
        return entry[:start] + entry[start:] + entry[start:]
    flipped = bytearray(entry)
    for _ in range(1 if kind == 4 else 20):
        flipped[draw.randrange(len(entry))] ^= 1 << draw.randrange(8)
    return bytes(flipped)


def test_a_damaged_entry_is_a_miss(folder: Path, seed: int) -> None:
    draw = random.Random(seed)
    cache.put(KEY, CODE)
    entry = (folder / KEY).read_bytes()
    changed = 0
    for _ in range(DAMAGED):
        bad = damaged(draw, entry)
        (folder / KEY).write_bytes(bad)
        assert cache.get(KEY) == (CODE if bad == entry else None)
        changed += bad != entry
    assert changed > 0.9 * DAMAGED
    cache.put(KEY, CODE)
    assert cache.get(KEY) == CODE


def test_an_entry_under_another_name_is_a_miss(folder: Path) -> None:
    """As when files are copied by hand: sound code, but that of another routine."""
    cache.put(KEY, CODE)
    (folder / KEY).rename(folder / ("b" * 64))
    assert cache.get("b" * 64) is None


def test_an_entry_that_is_no_file_is_a_miss(folder: Path, tmp_path: Path) -> None:
    cache.put(KEY, CODE)
    (folder / KEY).rename(tmp_path / "elsewhere")
    (folder / KEY).symlink_to(tmp_path / "elsewhere")
    assert cache.get(KEY) is None
    (folder / KEY).unlink()
    (folder / KEY).mkdir()
    assert cache.get(KEY) is None
    (folder / KEY).rmdir()
    os.mkfifo(folder / KEY)
    assert cache.get(KEY) is None


def test_putting_in_replaces_a_link_and_not_what_it_leads_to(folder: Path, tmp_path: Path) -> None:
    cache.put("c" * 64, CODE)
    (tmp_path / "precious").write_text("mine")
    (folder / KEY).symlink_to(tmp_path / "precious")
    cache.put(KEY, CODE)
    assert cache.get(KEY) == CODE
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (folder / KEY).is_symlink()


def test_an_entry_of_absurd_size_is_a_miss(folder: Path) -> None:
    cache.put(KEY, CODE)
    with (folder / KEY).open("r+b") as file:
        file.truncate(cache.MOST_ENTRY + 1)
    assert cache.get(KEY) is None


# -- keys ------------------------------------------------------------------------------------------------


def test_every_part_and_the_surroundings_make_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {cache.make_key("a"), cache.make_key("b"), cache.make_key("a", "b"), cache.make_key(("a", "b"))}
    for place in range(len(cache.SURROUNDINGS)):
        changed = list(cache.SURROUNDINGS)
        changed[place] += "x"
        monkeypatch.setattr(cache, "SURROUNDINGS", tuple(changed))
        keys.add(cache.make_key("a"))
        monkeypatch.undo()
    assert len(keys) == 4 + len(cache.SURROUNDINGS)
    assert cache.make_key("a") in keys


@pytest.mark.parametrize("line", ["model name\t: another CPU\nflags\t\t: fpu", "flags\t\t: fpu avx9"])
def test_another_cpu_has_other_keys(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpuinfo").write_text(line + "\n")
    monkeypatch.setattr(host, "CPUINFO", tmp_path / "cpuinfo")
    assert cache._surroundings() != cache.SURROUNDINGS


def test_another_version_of_llvm_has_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache._surroundings() == cache.SURROUNDINGS
    monkeypatch.setattr(cache.llvmlite, "__version__", "0.0.1")
    assert cache._surroundings() != cache.SURROUNDINGS


# -- the directory ---------------------------------------------------------------------------------------


def test_the_directory_is_made_for_its_owner_alone(folder: Path) -> None:
    before = os.umask(0)
    try:
        cache.put(KEY, CODE)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / KEY).stat().st_mode) == 0o600


def test_a_directory_that_others_can_read_is_closed(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    cache.put(KEY, CODE)
    assert cache.get(KEY) == CODE
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def works_without(words: str) -> None:
    """Assert that nothing is kept, and that this is said once."""

    def twice() -> None:
        for _ in range(2):
            cache.put(KEY, CODE)
            assert cache.get(KEY) is None

    (text,) = warned(twice)
    assert words in text
    assert f"set {cache.VARIABLE} to a directory of your own" in text


def test_a_directory_that_others_can_write_to(folder: Path) -> None:
    """What lies in it may have been put there by anybody."""
    folder.mkdir()
    folder.chmod(0o777)
    works_without("others can write to it")
    assert list(folder.iterdir()) == []


def test_a_directory_of_somebody_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    works_without("it belongs to another user")
    assert list(folder.iterdir()) == []


def test_a_directory_that_is_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "real")
    works_without("it is a link or a file")
    assert list((tmp_path / "real").iterdir()) == []


def test_a_directory_that_is_a_file(folder: Path) -> None:
    folder.write_text("")
    works_without("cannot be used")


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_a_directory_that_cannot_be_made(number: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    works_without(os.strerror(number))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_is_full(number: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is there already when the disk turns out to be full: nothing of it may stay."""

    class Full:
        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None:
            raise OSError(number, os.strerror(number))

        def write(self, _: bytes) -> None:
            pass

    monkeypatch.setattr(cache.os, "fdopen", lambda handle, _mode: (os.close(handle), Full())[1])
    (text,) = warned(lambda: [cache.put(KEY, CODE), cache.put(KEY, CODE)])
    assert os.strerror(number) in text
    monkeypatch.undo()
    assert list(folder.iterdir()) == []


def test_off_means_no_directory_and_no_warning(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, "off")
    monkeypatch.chdir(folder.parent)
    assert warned(lambda: cache.put(KEY, CODE)) == []
    assert cache.get(KEY) is None
    assert list(folder.parent.iterdir()) == []


def test_the_size_is_bounded_and_the_oldest_go_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_BYTES", 10 * (len(CODE) + cache._HEAD))
    monkeypatch.setattr(cache, "SELDOM", 1)
    for number in range(30):
        cache.put(f"{number:064}", CODE)
        os.utime(folder / f"{number:064}", (1000 + number, 1000 + number))
        assert sum(one.stat().st_size for one in folder.iterdir()) <= cache.MOST_BYTES
    assert sorted(one.name for one in folder.iterdir()) == [f"{number:064}" for number in range(20, 30)]


def test_the_size_is_looked_up_seldom(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_BYTES", 10 * (len(CODE) + cache._HEAD))
    sizes = []
    for number in range(1000):
        cache.put(cache.make_key(number), CODE)
        sizes.append(len(list(folder.iterdir())))
    assert max(sizes) < 1000, "it was never looked up"
    assert 3 < sizes.count(10) < 50, "it was looked up for nearly every entry, or hardly ever"


def test_an_entry_that_another_process_takes_away_is_no_trouble(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        path = "gone"

        def stat(self, **_: bool) -> os.stat_result:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "gone")

    monkeypatch.setattr(cache, "SELDOM", 1)
    monkeypatch.setattr(cache.os, "scandir", lambda _: contextlib.nullcontext([Gone()]))
    assert warned(lambda: cache.put(KEY, CODE)) == []
    assert cache.get(KEY) == CODE


# -- whole processes -------------------------------------------------------------------------------------

CALL = """
import json, sys, warnings
import numpy as np
warnings.simplefilter("always")
from convolve import conv2d
from convolve.runtime import jit
made = []
original = jit.make_object
jit.make_object = lambda *arguments: made.append(1) or original(*arguments)
with warnings.catch_warnings(record=True) as caught:
    right = True
    for taps in (3, 5):
        image = (np.arange(400) % 7).astype("f4").reshape(1, 1, 20, 20)
        weight = (np.arange(taps * taps) % 5).astype("f4").reshape(1, 1, taps, taps)
        right &= np.array_equal(conv2d(image, weight), conv2d(image, weight, algorithm="reference"))
found = [one.category.__name__ for one in caught]
print(json.dumps({"right": bool(right), "made": len(made), "warnings": found}))
"""


def in_a_process(folder: Path | None, source: Path | None = None, **more: Any) -> dict[str, Any]:
    """Convolve twice in a new process: whether that was right, what was compiled, what was warned of."""
    environment = {key: value for key, value in os.environ.items() if key != cache.VARIABLE}
    environment |= more.pop("env", {})
    environment["PYTHONPATH"] = os.pathsep.join([str(source)] * (source is not None) + sys.path)
    if folder is not None:
        environment[cache.VARIABLE] = str(folder)
    done = subprocess.run(
        [sys.executable, "-c", CALL],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        **more,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def fine(made: int, *warnings_: str) -> dict[str, Any]:
    return {"right": True, "made": made, "warnings": list(warnings_)}


def test_the_second_process_compiles_nothing_and_changed_sources_everything(tmp_path: Path) -> None:
    folder, copy = tmp_path / "cache", tmp_path / "source"
    assert in_a_process(folder) == fine(2)
    assert in_a_process(folder) == fine(0)
    shutil.copytree(Path(cache.__file__).parents[1], copy / "convolve")
    assert in_a_process(folder, copy) == fine(0)
    with (copy / "convolve" / "compiler" / "verify.py").open("a") as file:
        file.write("# one line more\n")
    assert in_a_process(folder, copy) == fine(2)
    assert in_a_process(folder) == fine(0)


def test_a_full_disk(tmp_path: Path) -> None:
    """No file may have a single byte: ``ulimit -f 0``."""

    def no_bytes() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    folder = tmp_path / "cache"
    assert in_a_process(folder, preexec_fn=no_bytes) == fine(2, "CacheWarning")
    assert list(folder.iterdir()) == []


def test_no_home(tmp_path: Path) -> None:
    nowhere = {"HOME": "/proc/nobody", "XDG_CACHE_HOME": "", "TMPDIR": str(tmp_path)}
    assert in_a_process(None, env=nowhere) == fine(2, "CacheWarning")


def test_a_directory_that_is_read_only(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o500)
    assert in_a_process(tmp_path / "cache", preexec_fn=obey_permissions) == fine(2, "CacheWarning")


def obey_permissions() -> None:
    """Give up root's right to read and write where nobody may: capabilities 1 and 2 of Linux."""
    libc, drop_from_bounding_set = ctypes.CDLL(None), 24
    for capability in (1, 2):
        assert os.geteuid() != 0 or libc.prctl(drop_from_bounding_set, capability, 0, 0, 0) == 0


DAMAGING = """
import random, sys
from pathlib import Path
import numpy as np
from convolve import conv2d
from convolve.api import dispatch
from convolve.runtime import engine, machine_code
from tests.runtime.test_cache import damaged

draw, folder = random.Random(int(sys.argv[1])), Path(sys.argv[2])
image = (np.arange(400) % 7).astype("f4").reshape(1, 1, 20, 20)
weight = np.arange(9).astype("f4").reshape(1, 1, 3, 3)
expected = conv2d(image, weight, algorithm="reference")
for number in range(30):
    assert np.array_equal(conv2d(image, weight), expected), number
    (entry,) = folder.iterdir()
    entry.write_bytes(damaged(draw, entry.read_bytes()))
    dispatch._recipes.clear()
    engine.execution.cache_clear()
    machine_code._made.clear()
print("alive")
"""


def test_damaged_entries_neither_kill_nor_change_results(tmp_path: Path, seed: int) -> None:
    folder = tmp_path / "cache"
    environment = {**os.environ, cache.VARIABLE: str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", DAMAGING, str(seed), str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "alive\n", "")


def test_many_processes_with_many_threads_on_a_cold_cache(tmp_path: Path) -> None:
    print(f"seed {seeds.seed()}")
    for number in range(ROUNDS):
        folder = tmp_path / f"cache{number}"
        environment = {**os.environ, cache.VARIABLE: str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-X", "faulthandler", "-m", "tests.runtime.cold_start", str(THREADS)]
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        started = [subprocess.Popen(command, env=environment, text=True, **pipes) for _ in range(PROCESSES)]
        try:
            ends = [child.communicate("begin\n", timeout=100) for child in started]
        finally:
            for child in started:
                child.kill()
        assert ends == [("0\n", "")] * PROCESSES
        assert [child.returncode for child in started] == [0] * PROCESSES
        names = [one.name for one in folder.iterdir()]
        assert len(names) == 2, names
        assert not any(name.startswith(".") for name in names)
