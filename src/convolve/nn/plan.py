"""`Network.plan`: how every layer is computed, as the planner of convolutions decides it, before a run."""

from collections.abc import Sequence
from dataclasses import dataclass

from convolve.api.planned import PlannedConv
from convolve.compiler.plan import Plan
from convolve.nn.inference import inputs_of
from convolve.nn.operations import OPERATIONS
from convolve.nn.program import Program

HEADINGS = ("layer", "operation", "method", "flops", "bytes", "reason")


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """How one layer is computed.

    Attributes
    ----------
    layer, operation
        Its name, and what it does.
    method
        Of the convolution ("winograd", "contract", …), "pooling", or "numpy".
    planned
        The convolution's own plan, which can be printed in full and shows its code; None for other layers.
    """

    layer: str
    operation: str
    method: str
    planned: PlannedConv | None

    def cells(self) -> tuple[str, ...]:
        """Return the line as text."""
        if self.planned is None:
            return self.layer, self.operation, self.method, "", "", ""
        plan = self.planned.plan
        reason = plan.reason if isinstance(plan, Plan) else f"{len(plan.parts)} plain convolutions"
        counts = f"{plan.flops:,}", f"{plan.bytes_moved:,}"
        return self.layer, self.operation, self.method, *counts, reason


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """How every layer of a network is computed; ``print`` shows a table.

    Attributes
    ----------
    layers
        One per layer that runs, in order.
    """

    layers: tuple[LayerPlan, ...]

    def __str__(self) -> str:
        lines = [HEADINGS, *(layer.cells() for layer in self.layers)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
        return "\n".join(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = [
        cell.rjust(width) if column in (3, 4) else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(texts).rstrip()


def plan_of(program: Program) -> NetworkPlan:
    """Return how each step of a program is computed."""
    found = []
    for step in program.steps:
        inputs = inputs_of(step.node, program.tensors)
        operation = OPERATIONS[step.node.operation]
        planned = None if operation.plan is None or inputs is None else operation.plan(step.node, *inputs)
        method = operation.method if planned is None else planned.plan.code.method
        found.append(LayerPlan(step.node.name, step.node.operation, method, planned))
    return NetworkPlan(tuple(found))
