"""From a program's steps to actions: each by its operation's rule, then two passes that join them.

The passes in order: numbers that a pass makes go straight into the pass that reads them (`_passes_joined`),
and a pass over what a convolution makes becomes its epilogue, a residual sum included (`_epilogues_joined`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from convolve.compiler.expressions import NOTHING, Given, Value, Writer
from convolve.nn.compiled.actions import Action, Call, Compute, Convolve, Operand, Transposed, written
from convolve.nn.compiled.draft import Draft
from convolve.nn.compiled.rules import OF_SEVERAL, RULES
from convolve.nn.program import Program, Step
from convolve.nn.tensor import Tensor

MOST_INPUTS = 6
MOST_STEPS = 64
"""Of one pass, so that its numbers stay in registers: a target has 16 at least."""


@dataclass(frozen=True, slots=True)
class Lowered:
    """A network as actions.

    Attributes
    ----------
    actions
        In the order in which they run.
    tensors
        What is known of each, those included that only actions have.
    outputs
        Names of those that are asked for.
    """

    actions: tuple[Action, ...]
    tensors: dict[str, Tensor]
    outputs: tuple[str, ...]


def lower(program: Program, accuracy: str = "default", whole: int = 0) -> Lowered:
    """Return what a program does, action by action; see `Draft` for what it is told."""
    draft = Draft(program, accuracy, whole)
    for step in program.steps:
        _lower_step(draft, step)
    actions = _epilogues_joined(_passes_joined(draft.actions, draft), draft)
    return Lowered(tuple(actions), draft.tensors, program.outputs)


def _lower_step(draft: Draft, step: Step) -> None:
    """Write one step's actions, or leave it to NumPy."""
    node = step.node
    rule = RULES.get(node.operation)
    read = [name for name in node.outputs if name and draft.is_read(name)]
    alone = read == [node.outputs[0]] or node.operation in OF_SEVERAL
    plain = step.checked and node.inputs and draft.is_float(node.inputs[0], node.outputs[0], *read)
    if rule is not None and alone and plain and rule(draft, node):
        return
    reads = tuple(Operand(name) for name in dict.fromkeys(node.inputs) if name)
    draft.add(Call(step, reads, tuple(name for name in node.outputs if name)))


def _readers(actions: Sequence[Action], draft: Draft) -> Counter[str]:
    """Return how many actions read each tensor, the caller's own reading of outputs included."""
    found = Counter(name for action in actions for name in {one.name for one in action.reads})
    found.update(draft.outputs)
    return found


def _passes_joined(actions: Sequence[Action], draft: Draft) -> list[Action]:
    """Put passes into those that alone read what they make."""
    readers = _readers(actions, draft)
    makers: dict[str, Compute] = {}
    gone: set[Action] = set()
    result: list[Action] = []
    for action in actions:
        if isinstance(action, Compute):
            action = _with_makers(action, makers, readers, draft, gone)
            makers[action.out.name] = action
        result.append(action)
    return [action for action in result if action not in gone]


def _with_makers(
    action: Compute, makers: dict[str, Compute], readers: Counter[str], draft: Draft, gone: set[Action]
) -> Compute:
    """Return a pass that computes what some of its inputs are, too."""
    for name in [one.name for one in action.inputs]:
        maker = makers.get(name)
        if maker is None or readers[name] != 1 or draft.shape(name) != draft.shape(action.out.name):
            continue
        joined = _joined(maker, action)
        if len(joined.inputs) <= MOST_INPUTS and len(joined.expression.steps) <= MOST_STEPS:
            action = joined
            gone.add(maker)
    return action


def _joined(first: Compute, second: Compute) -> Compute:
    """Return one pass that does what two do of which the second reads the first one's result."""
    place = [one.name for one in second.inputs].index(first.out.name)
    inputs = list(first.inputs)
    inputs += [one for i, one in enumerate(second.inputs) if i != place and one not in inputs]
    writer = Writer()
    made = writer.insert(first.expression, [Given(i) for i in range(len(first.inputs))])
    given: list[Value] = [
        made if i == place else Given(inputs.index(one)) for i, one in enumerate(second.inputs)
    ]
    expression = writer.done(writer.insert(second.expression, given))
    return Compute((*first.nodes, *second.nodes), expression, tuple(inputs), second.out)


def _epilogues_joined(actions: Sequence[Action], draft: Draft) -> list[Action]:
    """Put passes into the convolutions whose sums they alone read."""
    readers = _readers(actions, draft)
    result: list[Action] = []
    writers: dict[str, int] = {}
    for action in actions:
        host = _host(action, result, writers, readers, draft) if isinstance(action, Compute) else None
        place = len(result)
        if host is None:
            result.append(action)
        else:
            place, action = host
            result[place] = action
        writers |= dict.fromkeys(written(action), place)
    return result


def _host(
    action: Compute,
    before: Sequence[Action],
    writers: dict[str, int],
    readers: Counter[str],
    draft: Draft,
) -> tuple[int, Convolve] | None:
    """Return the convolution that can do a pass, which then makes its result, and its place."""
    if len(action.inputs) > 2:
        return None
    places = sorted((writers.get(one.name, -1), i) for i, one in enumerate(action.inputs))
    place, number = places[-1]
    maker = before[place] if place >= 0 else None
    name = action.inputs[number].name
    same = {draft.shape(one.name) for one in (*action.inputs, action.out)} == {draft.shape(name)}
    if not isinstance(maker, Convolve) or readers[name] != 1 or not same:
        return None
    if maker.activation != NOTHING or maker.added is not None:
        return None
    if isinstance(maker, Transposed) and len(action.inputs) > 1:
        return None
    seen = replace(maker.out, name=action.out.name)
    added = None
    if len(action.inputs) == 2:
        added = replace(maker.out, name=action.inputs[1 - number].name)
    order: list[Value] = [Given(0 if i == number else 1) for i in range(len(action.inputs))]
    writer = Writer()
    expression = writer.done(writer.insert(action.expression, order))
    return place, replace(
        maker, nodes=(*maker.nodes, *action.nodes), out=seen, activation=expression, added=added
    )
