"""What is made of each number by itself: expressions of a few steps, for epilogues and passes over numbers.

An expression is written down step by step, each the name of one of `convolve.compiler.loopnest.OPERATIONS`
and its arguments: numbers that are given, results of earlier steps, or constants.

>>> print(Expression.of(lambda write, x: write("relu", write("add", x, 1.0))))
relu(add(1, x))
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from convolve.compiler.builder import Pen
from convolve.compiler.loopnest import OPERATIONS

INPUT_NAMES = "xyzuvw"


@dataclass(frozen=True, slots=True)
class Given:
    """One of the numbers that an expression is computed from."""

    place: int


@dataclass(frozen=True, slots=True)
class Result:
    """What an earlier step gave."""

    step: int


Value = Given | Result | float

EITHER_WAY = ("add", "multiply")
"""Operations whose arguments may change places."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation."""

    operation: str
    arguments: tuple[Value, ...]


class Writer:
    """Writes the steps of an expression: called with an operation, it returns where the result will be."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def __call__(self, operation: str, *arguments: Value) -> Value:
        """Write one step."""
        assert OPERATIONS[operation] == len(arguments)
        if operation in EITHER_WAY:  # one order, so that equal expressions share machine code
            arguments = tuple(sorted(arguments, key=repr))
        self.steps.append(Step(operation, arguments))
        return Result(len(self.steps) - 1)

    def insert(self, expression: "Expression", given: Sequence[Value]) -> Value:
        """Write all steps of an expression of these values."""
        results: list[Value] = []

        def meant(value: Value) -> Value:
            if isinstance(value, Given):
                return given[value.place]
            return results[value.step] if isinstance(value, Result) else value

        for step in expression.steps:
            results += [self(step.operation, *map(meant, step.arguments))]
        return meant(expression.result)

    def done(self, result: Value) -> "Expression":
        """Return what was written as an expression."""
        return Expression(tuple(self.steps), result)


Formula = Callable[..., Value]
"""(writer, values...) -> the result: what expressions are put together from."""


@dataclass(frozen=True, slots=True)
class Expression:
    """Steps, and which value is the result; without steps the first number as it is."""

    steps: tuple[Step, ...] = ()
    result: Value = Given(0)

    @staticmethod
    def of(formula: Formula, count: int = 1) -> "Expression":
        """Return what a formula makes of so many numbers."""
        writer = Writer()
        return writer.done(formula(writer, *map(Given, range(count))))

    @property
    def inputs(self) -> int:
        """How many numbers it is computed from."""
        values = [value for step in self.steps for value in step.arguments] + [self.result]
        return max((value.place + 1 for value in values if isinstance(value, Given)), default=0)

    def __str__(self) -> str:
        def text(value: Value) -> str:
            if isinstance(value, Given):
                return INPUT_NAMES[value.place] if value.place < len(INPUT_NAMES) else f"x{value.place}"
            if isinstance(value, Result):
                step = self.steps[value.step]
                return f"{step.operation}({', '.join(map(text, step.arguments))})"
            return f"{value:g}"

        return text(self.result)


NOTHING = Expression()
"""Leaves every number as it is."""


def write(pen: Pen, expression: Expression, registers: Sequence[str], dtype: str, lanes: int) -> str:
    """Write an expression of registers; return the register that holds its result.

    The registers that it sets are named by the step and the number of lanes.
    """

    def register(value: Value) -> str:
        if isinstance(value, Given):
            return registers[value.place]
        if isinstance(value, Result):
            return f"step{value.step}_{lanes}"
        bits = f"{value:g}".replace("-", "m").replace(".", "_").replace("+", "")
        return pen.number(f"number{bits}_{lanes}", value, dtype, lanes)

    for place, step in enumerate(expression.steps):
        pen.compute(f"step{place}_{lanes}", step.operation, *map(register, step.arguments))
    return register(expression.result)
