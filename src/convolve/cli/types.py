"""How options are written on the command line: numbers per dimension, paddings, boundaries, sizes."""

import re
from typing import Any

import click

Numbers = int | tuple[int, ...]
Pair = int | tuple[int, int]


class NumbersType(click.ParamType):
    """One whole number, or one per dimension: ``2`` or ``2,1``.

    >>> NumbersType().convert("2,1", None, None)
    (2, 1)
    """

    name = "N[,N…]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Numbers:
        """Return an int, or a tuple of them."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        if not re.fullmatch(r"-?\d+(,-?\d+)*", value):
            self.fail(f"{value!r} must be a whole number, or one per dimension such as 2,1", param, ctx)
        numbers = tuple(int(one) for one in value.split(","))
        return numbers[0] if len(numbers) == 1 else numbers


class PaddingType(click.ParamType):
    """A name, or cells per side: ``same``, ``1``, ``1,2`` (rows, columns) or ``1:0,0:2`` (before:after).

    >>> PaddingType().convert("1:0,2", None, None)
    ((1, 0), 2)
    """

    name = "NAME|N|BEFORE:AFTER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return what the public functions take as padding."""
        if not isinstance(value, str) or re.fullmatch(r"[a-z_]+", value):
            return value
        if not re.fullmatch(r"-?\d+(:-?\d+)?(,-?\d+(:-?\d+)?)*", value):
            self.fail(
                f"{value!r} must be a name such as same, or cells such as 1, or 1,2 for rows and columns, "
                "or 1:0,0:2 for before:after of each",
                param,
                ctx,
            )
        sides = tuple(_side(one) for one in value.split(","))
        return sides[0] if len(sides) == 1 and isinstance(sides[0], int) else _all_dimensions(sides)


def _side(text: str) -> Pair:
    numbers = tuple(int(one) for one in text.split(":"))
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


def _all_dimensions(sides: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """Return one entry per dimension; a single pair stands for rows and columns."""
    return sides * 2 if len(sides) == 1 else sides


class ModeType(click.ParamType):
    """The name of a boundary, or the number that the border holds.

    >>> ModeType().convert("reflect", None, None), ModeType().convert("128", None, None)
    ('reflect', 128)
    """

    name = "NAME|NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a name or a number; `convolve.options` says what it thinks of names."""
        return _number(value) if isinstance(value, str) else value


def _number(text: str) -> Any:
    for kind in (int, float, complex):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


class BiasType(click.ParamType):
    """One number, or one per filter.

    >>> BiasType().convert("1,-0.5", None, None)
    [1, -0.5]
    """

    name = "NUMBER[,…]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a list of numbers."""
        if not isinstance(value, str):
            return value
        numbers = [_number(one.strip()) for one in value.split(",")]
        if any(isinstance(one, str) for one in numbers):
            self.fail(f"{value!r} must be a number, or one per filter such as 1,-0.5", param, ctx)
        return numbers


class SizeType(click.ParamType):
    """A size such as ``224x224``.

    >>> SizeType().convert("32x224x224", None, None)
    (32, 224, 224)
    """

    name = "HxW"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Return one number per dimension."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        if not re.fullmatch(r"\d+([x×X,]\d+){0,2}", value):
            self.fail(f"{value!r} must be a size of 1 to 3 dimensions, such as 224x224", param, ctx)
        return tuple(int(one) for one in re.split("[x×X,]", value))


NUMBERS, PADDING, MODE, BIAS, SIZE = NumbersType(), PaddingType(), ModeType(), BiasType(), SizeType()
