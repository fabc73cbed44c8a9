"""Seeded bugs: copies of a routine with one thing wrong, as a programmer gets it wrong."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from convolve.compiler.loopnest import (
    Access,
    Body,
    Buffer,
    Extremum,
    Load,
    Loop,
    Quotient,
    Repeat,
    Routine,
    Statement,
    Store,
    Walk,
    When,
)
from convolve.compiler.printer import head

Bug = tuple[str, Body]
"""What is wrong, and what stands there instead of a statement."""


def bugs(routine: Routine) -> Iterator[tuple[str, Routine]]:
    """Yield every bug of a routine, with its name."""
    for name, body in _in_body(routine.body):
        yield name, replace(routine, body=body)
    for place, buffer in enumerate(routine.buffers):
        for name, wrong in _of_buffer(buffer):
            buffers = (*routine.buffers[:place], wrong, *routine.buffers[place + 1 :])
            yield f"{name} of {buffer.name}", replace(routine, buffers=buffers)
    for fact in routine.facts:
        yield (
            f"forgotten fact {fact}",
            replace(routine, facts=tuple(one for one in routine.facts if one != fact)),
        )


def _in_body(body: Body) -> Iterator[Bug]:
    for place, statement in enumerate(body):
        for name, instead in _of_statement(statement):
            yield name, (*body[:place], *instead, *body[place + 1 :])


def _of_statement(statement: Statement) -> Iterator[Bug]:
    make = BUGS.get(type(statement))
    if make is not None:
        for name, instead in make(statement):
            yield f"{name} in '{head(statement)}'", instead
    for part in ("body", "otherwise"):
        for name, body in _in_body(getattr(statement, part, ())):
            yield name, (replace(statement, **{part: body}),)  # type: ignore[arg-type]


def _of_loop(loop: Loop) -> Iterator[Bug]:
    yield "starts one early", (replace(loop, starts=tuple(one - 1 for one in loop.starts)),)
    yield "ends one late", (replace(loop, stops=tuple(one + 1 for one in loop.stops)),)
    for bounds, name in (("starts", "dropped start"), ("stops", "dropped stop")):
        several = getattr(loop, bounds)
        for one in several if len(several) > 1 else ():
            yield f"{name} {one}", (replace(loop, **{bounds: tuple(o for o in several if o != one)}),)
    if loop.step > 1:
        yield "dropped tail", (replace(loop, step=1, overlap=False),)


def _of_walk(walk: Walk) -> Iterator[Bug]:
    yield "one row more", (replace(walk, rows=walk.rows + 1),)
    yield "one column more", (replace(walk, columns=walk.columns + 1),)
    yield "one step more", (replace(walk, limit=walk.limit + 1),)


def _of_when(when: When) -> Iterator[Bug]:
    yield "missing when", when.body
    yield "condition off by one", (replace(when, condition=when.condition + 1),)
    if when.otherwise:
        yield "always otherwise", when.otherwise


def _of_quotient(let: Quotient) -> Iterator[Bug]:
    yield "one more", (replace(let, dividend=let.dividend + let.divisor),)
    yield "one less", (replace(let, dividend=let.dividend - let.divisor),)


def _of_extremum(let: Extremum) -> Iterator[Bug]:
    yield "the other way round", (replace(let, kind="max" if let.kind == "min" else "min"),)
    for choice in let.choices if len(let.choices) > 1 else ():
        yield f"dropped {choice}", (replace(let, choices=tuple(one for one in let.choices if one != choice)),)


def _of_access(statement: Any) -> Iterator[Bug]:
    access: Access = statement.access
    for dimension, index in enumerate(access.index):
        for step in (-1, 1):
            wrong = (*access.index[:dimension], index + step, *access.index[dimension + 1 :])
            moved = replace(access, index=wrong)
            yield f"dimension {dimension} off by {step}", (replace(statement, access=moved),)


def _of_buffer(buffer: Buffer) -> Iterator[tuple[str, Buffer]]:
    for dimension, extent in enumerate(buffer.extents):
        extents = (*buffer.extents[:dimension], extent - 1, *buffer.extents[dimension + 1 :])
        yield f"dimension {dimension} too short", replace(buffer, extents=extents)
    if buffer.values is not None:
        low, high = buffer.values
        yield "values one higher", replace(buffer, values=(low + 1, high + 1))


BUGS: dict[type, Callable[[Any], Iterator[Bug]]] = {
    Loop: _of_loop,
    Walk: _of_walk,
    When: _of_when,
    Quotient: _of_quotient,
    Extremum: _of_extremum,
    Load: _of_access,
    Repeat: _of_access,
    Store: _of_access,
}
"""Kind of statement -> what can be wrong with it."""
