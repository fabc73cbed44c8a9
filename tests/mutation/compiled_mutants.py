"""Generates bugs in the compiler and in how it is called: at least one in every function."""

import ast
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.compiled_equivalent import FASTER
from tests.mutation.mutants import PACKAGE, change_of

ROOMS = ("compiler/lower", "compiler/llvm")
FILES = (
    "compiler/expressions.py", "compiler/formulas.py", "runtime/execution.py", "runtime/engine.py",
    "runtime/pointwise.py",
)  # fmt: skip
MOST = 5
"""Bugs of one function: those of several kinds first, chosen by their names, so that they stay the same."""

SWAPPED = {
    "starts": "stops", "stops": "starts", "start": "stop", "stop": "start", "even": "odd", "odd": "even",
    "packed_stride": "stride", "extent": "taps", "rows": "columns", "columns": "rows", "counts": "starts",
    "ABOVE": "BEFORE", "BEFORE": "ABOVE", "Y": "X", "X": "Y", "K": "C", "C": "K", "BX": "BY", "BY": "BX",
    "smallest": "largest", "largest": "smallest", "filters": "channels", "channels": "filters",
    "input": "output", "output": "input", "low": "high", "high": "low", "inside": "after", "KP": "BK",
}  # fmt: skip
"""Names that a slip of the pen would take for each other; most are no names where they are put then."""

WORDS = {
    "add ": "sub ", "sub ": "add ", "mul ": "add ", "slt": "sle", "sgt": "slt", "sge": "sgt", "sle": "slt",
    "udiv": "urem", "urem": "udiv", "sdiv": "udiv", "srem": "urem", "olt": "ogt", "ogt": "olt",
    "fadd": "fsub", "fmul": "fadd", ", 1": ", 2", ", 0": ", 1",
}  # fmt: skip
"""Words of LLVM's language, and what they become."""

EITHER_WAY = {"min", "max", "smallest", "largest"}
"""Functions whose last two arguments may stand in either order."""


@dataclass(frozen=True)
class Seed:
    """One bug: in which module, what is changed, and where; the module's source is written when asked for."""

    module: str
    name: str
    place: str
    path: Path

    @property
    def source(self) -> str:
        """The module's source with the bug."""
        tree = ast.parse(self.path.read_text(encoding="utf-8"))
        for name, _, change in _changes(self.module, tree):
            if name == self.name:
                change()
                return ast.unparse(tree)
        raise AssertionError(f"{self.name} is gone")


def compiled_mutants() -> list[Seed]:
    """Return the mutants of every function, in a fixed order."""
    files = [path for room in ROOMS for path in sorted((PACKAGE / room).glob("*.py"))]
    files += [PACKAGE / name for name in FILES]
    return [seed for path in files for seed in _of_file(path) if seed.name.split(" ")[0] not in FASTER]


def _of_file(path: Path) -> list[Seed]:
    module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    seeds = [
        Seed(module, name, f"{node.lineno}:{node.col_offset}", path)
        for name, node, _ in _changes(module, tree)
    ]
    of_function: dict[str, list[Seed]] = {}
    for seed in sorted(seeds, key=_lot):
        of_function.setdefault(seed.name.split(" ")[0], []).append(seed)
    chosen = {seed for some in of_function.values() for seed in some[:MOST]}
    return [seed for seed in seeds if seed in chosen]


def _lot(seed: Seed) -> str:
    """Return a number that depends on the name alone."""
    return hashlib.sha256(seed.name.encode()).hexdigest()


def _changes(module: str, tree: ast.Module) -> Iterator[tuple[str, ast.expr | ast.stmt, Callable[[], None]]]:
    """Yield the name, the place and the doing of every change of a module."""
    for name, function in functions(tree):
        seen: Counter[str] = Counter()
        for node in _places(function):
            for what, change in [*change_of(node), *_more_changes(node)]:
                seen[what] += 1
                yield f"{module}.{name} {what} #{seen[what]}", node, change


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield the functions and methods of a module; functions within them are parts of theirs."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner


def _places(function: ast.FunctionDef) -> list[ast.expr | ast.stmt]:
    """Return the places of a function's code; annotations, messages, assertions and docstrings left out."""
    skipped: set[ast.AST] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Raise | ast.Assert):
            skipped.update(ast.walk(node))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.update(ast.walk(node))
        for hint in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if hint is not None:
                skipped.update(ast.walk(hint))
        if isinstance(node, ast.keyword) and node.arg == "strict":
            skipped.update(ast.walk(node))
        for decorator in getattr(node, "decorator_list", ()):
            skipped.update(ast.walk(decorator))
    return [
        node for node in ast.walk(function) if isinstance(node, ast.expr | ast.stmt) and node not in skipped
    ]


def _more_changes(node: ast.expr | ast.stmt) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the changes that a compiler's code offers beside those of any code."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        what = ast.unparse(node.value.func)[:40]
        yield f"without {what}", lambda: setattr(node, "value", ast.Constant(None))
    if isinstance(node, ast.Constant) and type(node.value) is bool:
        yield f"{node.value} becomes {not node.value}", _setter(node, "value", not node.value)
    if isinstance(node, ast.Constant) and type(node.value) is str:
        for word, other in WORDS.items():
            if word in node.value:
                yield (
                    f"{word!r} becomes {other!r}",
                    _setter(node, "value", node.value.replace(word, other, 1)),
                )
    if isinstance(node, ast.Attribute) and node.attr in SWAPPED:
        yield f".{node.attr} becomes .{SWAPPED[node.attr]}", _setter(node, "attr", SWAPPED[node.attr])
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in SWAPPED:
        yield f"{node.id} becomes {SWAPPED[node.id]}", _setter(node, "id", SWAPPED[node.id])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "without -", _setter(node, "op", ast.UAdd())
    if (
        isinstance(node, ast.Return)
        and isinstance(node.value, ast.Tuple | ast.List)
        and len(node.value.elts) > 1
    ):
        turned = type(node.value)(elts=node.value.elts[::-1], ctx=ast.Load())
        yield "return turned round", _setter(node, "value", turned)
    if isinstance(node, ast.Call) and _name(node) not in EITHER_WAY and _differ(node.args[-2:]):
        yield "last two arguments swapped", _setter(node, "args", [*node.args[:-2], *node.args[:-3:-1]])


def _differ(arguments: list[ast.expr]) -> bool:
    """Whether there are two, and not the same."""
    return len({ast.dump(one) for one in arguments}) == 2


def _name(call: ast.Call) -> str:
    """Return the last name of the function that is called."""
    return ast.unparse(call.func).rpartition(".")[2]


def _setter(node: ast.AST, name: str, value: object) -> Callable[[], None]:
    return lambda: setattr(node, name, value)
