"""What all commands share: help without waiting, exit codes, one line per error, closed pipes, Ctrl-C."""

import ast
import os
import pty
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import convolve as package
from convolve.cli import main
from convolve.cli.info import EXTRAS
from convolve.cli.program import COMMANDS
from convolve.errors import ShapeError
from convolve.runtime.host import host_target, usable_cpus
from tests.cli.process import PROGRAM, convolve, environment, read_until
from tests.peers import peer

ROOT = Path(__file__).resolve().parents[2]
SLOW = (
    "numpy",
    "PIL",
    "tifffile",
    "rich",
    "matplotlib",
    "convolve.files",
    "convolve.filters",
    "convolve.explain",
)
HELPS = [["--help"], ["--version"], [], *([name, "--help"] for name in COMMANDS)]


@pytest.mark.parametrize("arguments", HELPS, ids=" ".join)
def test_help_loads_nothing_slow(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom convolve.cli import main\n"
        "try:\n    main()\nfinally:\n"
        f"    print(sorted(set({SLOW!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        check=False,
        text=True,
        env=environment(),
    )
    print(f"convolve {' '.join(arguments)}: {1000 * (time.perf_counter() - started):.0f} ms")
    assert done.returncode == 0
    assert done.stdout
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("name", ["", "apply", "explain", "filters", "size"])
def test_examples_in_help_stay_on_their_lines(name: str) -> None:
    text = CliRunner().invoke(main, [*name.split(), "--help"]).stdout
    assert "\\b" not in text
    assert re.search(r"^    convolve \w+", text, re.MULTILINE)


def test_commands_are_listed_in_the_order_of_their_names() -> None:
    assert list(COMMANDS) == sorted(COMMANDS)


def test_help_names_every_command_and_each_says_the_same_of_itself() -> None:
    text = CliRunner().invoke(main, ["--help"]).stdout
    context = click.Context(main)
    for name, help_line in COMMANDS.items():
        assert f"{name}  " in text
        found = main.get_command(context, name)
        assert found is not None
        assert found.get_short_help_str(200).rstrip(".") == help_line.split(" of them")[0].rstrip(".")


def test_every_command_has_a_file_or_a_folder() -> None:
    room = ROOT / "src" / "convolve" / "cli"
    shared = {
        "__init__",
        "checkpoint",
        "classifier",
        "clipping",
        "data",
        "detections",
        "film",
        "found",
        "output",
        "program",
        "regions",
    }
    shared |= {"terminal", "types"}
    folders = {path.parent.name for path in room.glob("*/__init__.py")}
    assert {path.stem for path in room.glob("*.py")} - shared | folders == set(COMMANDS)


def test_the_package_is_a_program_too() -> None:
    module = [sys.executable, "-m", "convolve", "size", "5", "-k", "3"]
    done = subprocess.run(module, capture_output=True, check=False, text=True, env=environment())
    assert done.returncode == 0 and done.stdout.startswith("3"), done.stderr


def test_unknown_commands_suggest_the_nearest() -> None:
    done = CliRunner().invoke(main, ["aply"])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "there is no command 'aply'; did you mean 'apply'?" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["size"],
        ["size", "5", "-k", "x"],
        ["apply", "--nonsense"],
        ["size", "5x5", "-k", "3x3x3"],
        ["filters", "x"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")


def test_refusals_are_one_line_and_end_with_1() -> None:
    done = CliRunner().invoke(main, ["size", "5x5", "-k", "7"])
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: the output size must be at least 1")
    assert len(done.stderr.splitlines()) == 1


def failing(error: BaseException) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ShapeError("sizes differ"), 1, "error: sizes differ\n"),
        (KeyError("lost\nkey"), 1, "internal error KeyError: 'lost\\nkey', please report it"),
        (RuntimeError("two\nlines"), 1, "internal error RuntimeError: two lines, please report it"),
        (MemoryError(), 1, "there is not enough memory"),
        (OSError(28, "No space left on device", "x.png"), 1, "error: No space left on device: x.png\n"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_every_end_has_its_code_and_its_line(
    error: BaseException, code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "get_command", lambda _context, _name: failing(error))
    done = CliRunner().invoke(main, ["info"])
    assert done.exit_code == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_traceback_is_shown_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "get_command", lambda _context, _name: failing(RuntimeError("bug")))
    monkeypatch.setenv("CONVOLVE_DEBUG", "1")
    done = CliRunner().invoke(main, ["info"])
    assert done.exit_code == 1
    assert "Traceback" in done.stderr


def test_a_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*PROGRAM, "filters"], stdout=writer, stderr=subprocess.PIPE, check=False, env=environment()
    )
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr == b""


def test_a_full_disk_is_said() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with full.open("wb") as stream:
        done = subprocess.run(
            [*PROGRAM, "info"], stdout=stream, stderr=subprocess.PIPE, check=False, env=environment()
        )
    assert done.returncode == 1
    assert done.stderr.decode().startswith("error: No space left on device")
    assert b"Traceback" not in done.stderr


def test_interrupting_ends_with_130() -> None:
    child = subprocess.Popen(
        [*PROGRAM, "explain", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    time.sleep(1.5)  # until it waits for the picture
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert b"interrupted" in said
    assert b"Traceback" not in said


def on_terminal(*arguments: str, **extra: str) -> bytes:
    """Return what a command says on a terminal."""
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment(TERM="xterm", **extra),
    )
    os.close(slave)
    said = read_until(master)
    child.wait(timeout=60)
    os.close(master)
    return said


def test_colours_only_on_terminals_and_not_when_unwanted() -> None:
    assert b"\x1b[" in on_terminal("aply")
    assert b"\x1b[" not in on_terminal("aply", NO_COLOR="1")
    assert b"\x1b[" not in convolve("aply").stderr


def test_other_encodings_get_a_question_mark_instead_of_an_error() -> None:
    done = convolve("size", "5x5", "-k", "3", env={"PYTHONIOENCODING": "latin-1"})
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == b"3x3"


def test_info_names_versions_and_every_extra_of_the_package() -> None:
    done = CliRunner().invoke(main, ["info"])
    assert done.exit_code == 0
    machine = host_target().name, f"{usable_cpus()} of {os.cpu_count()}"
    for word in (package.__version__, "numpy", "Pillow", *machine, *(f"extra {name}" for name in EXTRAS)):
        assert word in done.stdout
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(EXTRAS) == set(extras) - {"all", "demo", "test", "peers", "bench", "dev"}
    for extra, (name, _) in EXTRAS.items():
        assert extras[extra][0].startswith(name)


@pytest.mark.parametrize("words", ["faces train", "detect train digits"])
def test_without_scikit_image_the_extra_is_named(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer("sklearn")  # the digits themselves
    monkeypatch.setitem(sys.modules, "skimage", None)  # an import of it fails
    done = CliRunner().invoke(main, [*words.split(), "-o", str(tmp_path / "model.safetensors")])
    assert done.exit_code == 1
    assert 'needs the package scikit-image: pip install "convolve[skimage]"' in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed(shell: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0
    assert "_CONVOLVE_COMPLETE" in done.stdout


def test_completion_completes_commands_and_filters() -> None:
    for words, expected in (("convolve ex", b"explain"), ("convolve apply -k sob", b"sobel-x")):
        variables = {"_CONVOLVE_COMPLETE": "bash_complete", "COMP_WORDS": words}
        done = convolve(env={**variables, "COMP_CWORD": str(len(words.split()) - 1)})
        assert expected in done.stdout


def test_filters_are_listed_with_their_purpose() -> None:
    listed = CliRunner().invoke(main, ["filters"])
    assert listed.exit_code == 0
    assert listed.stdout == CliRunner().invoke(main, ["filters", "list"]).stdout
    assert set(package.filters.names()) == {
        re.split(r"[:\[ ]", line)[0] for line in listed.stdout.splitlines()
    }


def test_one_filter_is_shown_with_its_weights() -> None:
    done = CliRunner().invoke(main, ["filters", "show", "sobel-x"])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-3:] == ["  -1  0  1", "  -2  0  2", "  -1  0  1"]
    assert "source: Sobel" in done.stdout
    assert "magnitude" in CliRunner().invoke(main, ["filters", "show", "sobel"]).stdout
    refused = CliRunner().invoke(main, ["filters", "show", "gausian"])
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "did you mean 'gaussian'?" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            ["224x224", "-k", "7", "-s", "2", "-p", "3"],
            ["112x112", "size = ⌊(224 + 2·3 − 1·(7−1) − 1) / 2⌋ + 1 = 112"],
        ),
        (["5", "-k", "3"], ["3", "size = ⌊(5 + 2·0 − 1·(3−1) − 1) / 1⌋ + 1 = 3"]),
        (["9x5x5", "-k", "3", "-p", "same"], ["9x5x5"]),
        (["5x6", "-k", "3x2", "-p", "1:0,2"], ["4x9"]),
        (["3x3", "-k", "3", "-s", "2", "--transposed"], ["7x7"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_sizes_come_with_their_formula(arguments: list[str], lines: list[str]) -> None:
    done = CliRunner().invoke(main, ["size", *arguments])
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[: len(lines)] == lines


def test_modules_of_commands_import_nothing_slow_at_their_top() -> None:
    for path in (ROOT / "src" / "convolve" / "cli").glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] in SLOW or name in SLOW], path
