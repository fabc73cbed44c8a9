"""The house rules that neither ruff, mypy nor import-linter can check."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import convolve

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "convolve"
CODE = sorted(path for room in ("src", "scripts") for path in (ROOT / room).rglob("*.py"))
SOURCES = [*CODE, *sorted((ROOT / "tests").rglob("*.py"))]
LONGEST_FILE = 600
LONGEST_FUNCTION = 60
SLOW_TO_IMPORT = ("numpy", "PIL", "tifffile", "matplotlib", "ml_dtypes", "scipy", "torch")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


each_source = pytest.mark.parametrize("path", SOURCES, ids=name_of)
each_code = pytest.mark.parametrize("path", CODE, ids=name_of)


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def code_lines(function: Function) -> int:
    """Return the lines of a function without its decorators and its docstring."""
    end = function.end_lineno or function.lineno
    docstring = ast.get_docstring(function, clean=False)
    quoted = (function.body[0].end_lineno or 0) - function.body[0].lineno + 1 if docstring else 0
    return end - function.lineno + 1 - quoted


def imported_modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def unexplained_hidden_imports(text: str) -> list[str]:
    """Return the imports of our own modules inside functions that no comment gives a reason for."""
    lines = text.splitlines()
    found = []
    for function in functions(ast.parse(text)):
        for node in ast.walk(function):
            ours = any(name.split(".")[0] == "convolve" for name in imported_modules(node))
            if ours and not _has_reason(lines, node):
                found.append(ast.unparse(node))
    return found


def _has_reason(lines: list[str], node: ast.AST) -> bool:
    """Say whether a comment stands on the import, on one right above it, or above their block."""
    first, last = node.lineno - 1, node.end_lineno  # type: ignore[attr-defined]
    if any("#" in line for line in lines[first:last]):
        return True
    above = first - 1
    while re.match(r"\s*($|(from|import)\s)", lines[above]):
        if "#" in lines[above]:
            return True
        above -= 1
    return lines[above].strip().startswith("#")


def star_imports(text: str) -> list[str]:
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    return [ast.unparse(node) for node in nodes if node.names[0].name == "*"]


@each_source
def test_says_first_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text))


@each_source
def test_file_is_not_too_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@each_code
def test_functions_are_not_too_long(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [f.name for f in functions(tree) if code_lines(f) > LONGEST_FUNCTION] == []


@each_source
def test_no_star_import(path: Path) -> None:
    assert star_imports(path.read_text(encoding="utf-8")) == []


@each_code
def test_imports_in_functions_give_their_reason(path: Path) -> None:
    assert unexplained_hidden_imports(path.read_text(encoding="utf-8")) == []


def test_the_rules_can_fail() -> None:
    hidden = "def f():\n    from convolve import api\n    return api\n"
    assert unexplained_hidden_imports(hidden) == ["from convolve import api"]
    assert unexplained_hidden_imports(hidden.replace("api\n", "api  # slow to start\n", 1)) == []
    assert unexplained_hidden_imports(hidden.replace("():\n", "():\n    # slow to start\n")) == []
    below = "def f():\n    import numpy  # slow to start, this and the next\n\n    from convolve import api\n"
    assert unexplained_hidden_imports(below) == []
    assert unexplained_hidden_imports("def f():\n    import numpy\n") == []
    assert star_imports("from numpy import *") == ["from numpy import *"]
    long = "def f():\n" + "    pass\n" * LONGEST_FUNCTION
    assert [code_lines(f) for f in functions(ast.parse(long))] == [LONGEST_FUNCTION + 1]


@pytest.mark.parametrize("arguments", [["--help"], ["apply", "--help"], ["--version"]])
def test_help_imports_neither_numpy_nor_a_codec(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from convolve.cli import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        f"    loaded = set({SLOW_TO_IMPORT!r}) & set(sys.modules)\n"
        "    print(sorted(loaded), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT / "src",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert done.stderr.strip() == "[]"


def test_llvm_is_imported_when_something_is_compiled_and_not_before() -> None:
    program = (
        "import sys, numpy as np, convolve\n"
        "convolve.conv2d(np.eye(3), np.eye(2), algorithm='reference')\n"
        "assert 'llvmlite.binding' not in sys.modules\n"
        "convolve.conv2d(np.eye(3), np.eye(2))\n"
        "assert 'llvmlite.binding' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT / "src", check=True)


def test_architecture_names_every_module_of_the_engine() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = ("compiler", "runtime", "api")
    modules = [path for room in rooms for path in (PACKAGE / room).rglob("*.py") if path.stem != "__init__"]
    told = {
        "forward",
        "gradients",
        "images",
        "pools",
        "sizes",
        "transposed",
        "types",
    }  # api/: one file per family
    assert [path.stem for path in modules if path.stem not in text and path.stem not in told] == []


def test_architecture_has_a_row_for_every_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text.partition("## The rooms")[2]
    named = set(re.findall(r"`([\w.]+)/?`", "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))))
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert rooms - {"__init__.py", "__pycache__"} <= named


def test_architecture_quotes_the_nest_that_is_made() -> None:
    planned = convolve.plan((1, 64, 56, 56), (64, 64, 3, 3), padding=1, accuracy="strict")
    nest = [line.strip() for line in planned.routine.nest.splitlines()]
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^ +```\n(.*?)^ +```$", text, re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in quoted for line in block.splitlines() if "for ci" in block]
    assert len(lines) == 9
    if planned.target.name == "avx2":
        assert [line for line in lines if line not in (*nest, "…")] == []
