"""`summary`: one row per layer with its shape, parameters, multiply-adds, memory and receptive field."""

from collections.abc import Sequence
from dataclasses import dataclass

from convolve.nn.field import Field, fields
from convolve.nn.graph import Graph
from convolve.nn.inference import inputs_of
from convolve.nn.operation import Node
from convolve.nn.operations import OPERATIONS
from convolve.nn.program import Program
from convolve.nn.tensor import Shape

HEADINGS = ("layer", "operation", "output", "parameters", "multiply-adds", "memory", "sees")


@dataclass(frozen=True, slots=True)
class Row:
    """One layer.

    Attributes
    ----------
    layer, operation
        Its name, and what it does.
    shape
        Of its first output; None if that is known only when it runs.
    parameters
        Learned numbers; those that several layers share count at the first.
    multiply_adds
        Of one run.
    bytes
        Of its outputs.
    field
        What one cell of the output sees of the input; None: everything.
    """

    layer: str
    operation: str
    shape: Shape | None
    parameters: int
    multiply_adds: int
    bytes: int
    field: Field | None

    def cells(self) -> tuple[str, ...]:
        """Return the row as text."""
        shape = "?" if self.shape is None else " × ".join(map(str, self.shape))
        sees = "all" if self.field is None else str(self.field) or "1"
        counts = (f"{number:,}" if number else "" for number in (self.parameters, self.multiply_adds))
        return (self.layer, self.operation, shape, *counts, in_bytes(self.bytes), sees)


@dataclass(frozen=True, slots=True)
class Summary:
    """A network's layers as rows, and what they add up to; ``print`` shows a table.

    Attributes
    ----------
    rows
        One per node that runs, in order.
    peak
        Bytes of the feature maps that are needed at one time, at most.
    """

    rows: tuple[Row, ...]
    peak: int

    @property
    def parameters(self) -> int:
        """Learned numbers."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one run."""
        return sum(row.multiply_adds for row in self.rows)

    def __str__(self) -> str:
        lines = [HEADINGS, *(row.cells() for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
        shown = [_line(line, widths) for line in lines]
        total = (
            f"{self.parameters:,} parameters, {self.multiply_adds:,} multiply-adds, "
            f"{in_bytes(self.peak)} of feature maps at one time"
        )
        return "\n".join([shown[0], "-" * len(shown[0]), *shown[1:], total])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = [
        cell.rjust(width) if 3 <= column <= 5 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(texts).rstrip()


def in_bytes(size: int) -> str:
    """Return a size for people, such as "1.5 MiB"."""
    if size < 1024:
        return f"{size} B"
    return f"{size / 1024:.1f} KiB" if size < 2**20 else f"{size / 2**20:.1f} MiB"


def summarise(graph: Graph, program: Program) -> Summary:
    """Return the summary of a graph for the sizes that a program was made for."""
    seen: set[str] = set()
    found = fields(graph, program.tensors)
    rows = []
    for step in program.steps:
        node = step.node
        outputs = [program.tensors[name] for name in node.outputs if name in program.tensors]
        shape = outputs[0].shape if outputs else None
        size = sum(tensor.nbytes for tensor in outputs)
        field = found.get(node.outputs[0])
        rows.append(
            Row(
                node.name,
                node.operation,
                shape,
                _parameters(node, graph, seen),
                _multiply_adds(node, program),
                size,
                field,
            )
        )
    return Summary(tuple(rows), program.peak)


def _parameters(node: Node, graph: Graph, seen: set[str]) -> int:
    """Return how many learned numbers a node has that no earlier one has."""
    learned = set(graph.learned(node)) - seen
    seen |= learned
    return sum(graph.constants[name].size for name in learned)


def _multiply_adds(node: Node, program: Program) -> int:
    count = OPERATIONS[node.operation].multiply_adds
    inputs = inputs_of(node, program.tensors)
    outputs = tuple(program.tensors[name] for name in node.outputs if name in program.tensors)
    return 0 if count is None or inputs is None or not outputs else count(node, tuple(inputs), outputs)
