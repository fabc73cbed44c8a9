"""Generates bugs: one small change to the source of the reference, at every place where one fits."""

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "convolve"

FUNCTIONS = {
    "axis": (
        "source_cells", "extent", "positions", "tap_range", "reads", "feeds", "border_outputs", "_outputs",
        "output_count",
    ),
    "options": ("resolve_padding",),
    "arguments": ("_forward_axis", "_transposed_axis"),
    "reference": (
        "output_blocks", "blocks", "turned", "group_weights", "forward_sums", "read_patch", "placed",
        "transposed_sums", "scatter", "evenly_spaced", "weight_gradient_blocks", "valid_sums",
    ),
    "exact": ("sum_bound", "_fold", "saturated", "wrapped", "check_range"),
    "dtypes": ("result_dtype", "float_dtype", "sum_dtype"),
    "pooling": ("_axis", "_block_maximum", "_divisor"),
}  # fmt: skip
"""Module -> the functions in which every line decides about numbers."""

SWAPS = (
    ("before", "after"),
    ("stride", "dilation"),
    ("minimum", "maximum"),
    ("min", "max"),
    ("any", "all"),
    ("in_channels", "out_channels"),
    ("batch", "groups"),
)
SWAPPED_NAMES = {**dict(SWAPS), **{right: left for left, right in SWAPS}, "first": "last", "small": "large"}
OPERATORS: dict[type[ast.AST], Callable[[], ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One bug: what was changed, where, and the module's source with it.

    The name counts the same change within a function ("#2"), so that it survives edits elsewhere.
    """

    module: str
    name: str
    place: str
    source: str


def mutants() -> list[Mutant]:
    """Return every mutant of every function listed, in a fixed order."""
    return [mutant for module in FUNCTIONS for mutant in _of_module(module)]


def _of_module(module: str) -> Iterator[Mutant]:
    tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name in FUNCTIONS[module]:
            seen: Counter[str] = Counter()
            for node in _places(function):
                for what, change in change_of(node):
                    undo = copy.copy(node.__dict__)
                    change()
                    seen[what] += 1
                    name = f"{module}.{function.name} {what} #{seen[what]}"
                    yield Mutant(module, name, f"{node.lineno}:{node.col_offset}", ast.unparse(tree))
                    node.__dict__.clear()
                    node.__dict__.update(undo)


def _places(function: ast.FunctionDef) -> list[ast.expr | ast.stmt]:
    """Return the places of a function's code, its annotations, messages and docstring left out."""
    skipped: set[ast.AST] = {
        one for node in function.args.args if node.annotation for one in ast.walk(node.annotation)
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Raise | ast.JoinedStr):
            skipped.update(ast.walk(node))
        if isinstance(node, ast.AnnAssign):
            skipped.update(ast.walk(node.annotation))
    if function.returns:
        skipped.update(ast.walk(function.returns))
    return [
        node for node in ast.walk(function) if isinstance(node, ast.expr | ast.stmt) and node not in skipped
    ]


def change_of(node: ast.expr | ast.stmt) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield (description, how to change the node) for every bug that fits this place."""
    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in OPERATORS:
        new = OPERATORS[type(node.op)]()
        yield f"{type(node.op).__name__} becomes {type(new).__name__}", _setter(node, "op", new)
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        yield "+= becomes -=", _setter(node, "op", ast.Sub())
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in OPERATORS:
        new = OPERATORS[type(node.ops[0])]()
        yield f"{type(node.ops[0]).__name__} becomes {type(new).__name__}", _setter(node, "ops", [new])
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield f"{node.value} becomes {node.value + 1}", _setter(node, "value", node.value + 1)
    if isinstance(node, ast.Attribute) and node.attr in SWAPPED_NAMES:
        yield (
            f".{node.attr} becomes .{SWAPPED_NAMES[node.attr]}",
            _setter(node, "attr", SWAPPED_NAMES[node.attr]),
        )
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in SWAPPED_NAMES:
        yield f"{node.id} becomes {SWAPPED_NAMES[node.id]}", _setter(node, "id", SWAPPED_NAMES[node.id])
    if isinstance(node, ast.IfExp):
        yield "if always true", _setter(node, "test", ast.Constant(True))
        yield "if always false", _setter(node, "test", ast.Constant(False))
    if isinstance(node, ast.If):
        yield "if always false", _setter(node, "test", ast.Constant(False))


def _setter(node: ast.AST, name: str, value: object) -> Callable[[], None]:
    return lambda: setattr(node, name, value)
