"""`Network.plan`: how every layer is computed, and what goes into one routine, before anything runs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from convolve.api.planned import PlannedConv
from convolve.compiler.plan import Phases, Plan
from convolve.nn.compiled.actions import Action, Call, Convolve, Join, Pool, Transposed, View
from convolve.nn.compiled.compiled import Compiled
from convolve.nn.compiled.layout import Placed
from convolve.nn.inference import inputs_of
from convolve.nn.operation import Node
from convolve.nn.operations import OPERATIONS
from convolve.nn.program import Program
from convolve.nn.summary import in_bytes
from convolve.runtime.conv_job import conv_plan

HEADINGS = ("layer", "operation", "method", "flops", "bytes", "reason")


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """How one layer is computed.

    Attributes
    ----------
    layer, operation
        Its name, and what it does.
    method
        Of the convolution ("winograd", "contract", …); "pooling"; "pass", over all numbers; "in …", by the
        routine of the layer named; "view", where nothing is done; "joined", of parts that are written where
        they belong; "numpy".
    plan
        The convolution's own plan; None for other layers.
    """

    layer: str
    operation: str
    method: str
    plan: Plan | Phases | None = None

    def cells(self) -> tuple[str, ...]:
        """Return the line as text."""
        if self.plan is None:
            return self.layer, self.operation, self.method, "", "", ""
        plan = self.plan
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
    jobs
        Routines that one run calls, all of them from native code.
    calls
        Operations that NumPy computes.
    arena_bytes
        Memory of all feature maps together: those that are never needed at one time share places.
    """

    layers: tuple[LayerPlan, ...]
    jobs: int
    calls: Counter[str]
    arena_bytes: int

    def __str__(self) -> str:
        lines = [HEADINGS, *(layer.cells() for layer in self.layers)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
        left = ", ".join(f"{count} × {name}" for name, count in sorted(self.calls.items())) or "nothing"
        total = (
            f"{self.jobs} routines called by native code; {in_bytes(self.arena_bytes)} for all feature maps; "
            f"left to NumPy: {left}"
        )
        return "\n".join([*(_line(line, widths) for line in lines), total])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = [
        cell.rjust(width) if column in (3, 4) else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(texts).rstrip()


def plan_of(compiled: Compiled) -> NetworkPlan:
    """Return how each step of a program is computed."""
    lowered, layout = compiled.lowered(), compiled.layout()
    actions: dict[Node, Action] = {node: action for action in lowered.actions for node in action.nodes}
    placed: dict[Action, Placed] = {one.action: one for one in layout.placed}
    layers = tuple(
        _layer(step.node, actions[step.node], placed, compiled.program) for step in compiled.program.steps
    )
    calls = Counter(one.action.step.node.operation for one in layout.placed if isinstance(one.action, Call))
    return NetworkPlan(layers, len(layout.placed) - sum(calls.values()), calls, layout.arena_bytes)


def _layer(node: Node, action: Action, placed: dict[Action, Placed], program: Program) -> LayerPlan:
    """Return one layer's plan."""
    if isinstance(action, Call):
        planned = _planned(node, program)
        plan = None if planned is None else planned.plan
        method = OPERATIONS[node.operation].method if plan is None else plan.code.method
        return LayerPlan(node.name, node.operation, method, plan)
    if isinstance(action, View | Join):
        return LayerPlan(node.name, node.operation, "view" if isinstance(action, View) else "joined")
    host = action.nodes[0]
    if host is not node:
        return LayerPlan(node.name, node.operation, f"in {host.name}")
    if isinstance(action, Transposed):
        planned = _planned(node, program)
        assert planned is not None
        return LayerPlan(node.name, node.operation, planned.plan.code.method, planned.plan)
    if not isinstance(action, Convolve):
        return LayerPlan(node.name, node.operation, "pooling" if isinstance(action, Pool) else "pass")
    x, *added, out = (place.stand_in() for place in placed[action].places)
    own = conv_plan(action.spec, (x, out), action.activation, added[0] if added else None)
    return LayerPlan(node.name, node.operation, own.code.method, own)


def _planned(node: Node, program: Program) -> PlannedConv | None:
    """Return the plan of a convolution that has a call of its own."""
    inputs, plan = inputs_of(node, program.tensors), OPERATIONS[node.operation].plan
    found: PlannedConv | None = None if plan is None or inputs is None else plan(node, *inputs)
    return found
