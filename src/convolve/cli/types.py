"""How options are written on the command line: numbers per dimension, paddings, boundaries, sizes.

Each function reads one kind of text; click names the option where one of them refuses.
"""

import re
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Numbers = int | tuple[int, ...]
Pair = int | tuple[int, int]


def numbers(text: str) -> Numbers:
    """Return one whole number, or one per dimension.

    >>> numbers("2"), numbers("2,1")
    (2, (2, 1))
    """
    if not re.fullmatch(r"-?\d+(,-?\d+)*", text):
        raise click.BadParameter(f"{text!r} must be a whole number, or one per dimension such as 2,1")
    found = tuple(int(one) for one in text.split(","))
    return found[0] if len(found) == 1 else found


def padding(text: str) -> Any:
    """Return what the public functions take as padding: a name, cells, or (before, after) of each dimension.

    >>> padding("same"), padding("1"), padding("1,2"), padding("1:0,0:2")
    ('same', 1, (1, 2), ((1, 0), (0, 2)))
    """
    if re.fullmatch(r"[a-z_]+", text):
        return text
    if not re.fullmatch(r"-?\d+(:-?\d+)?(,-?\d+(:-?\d+)?)*", text):
        raise click.BadParameter(
            f"{text!r} must be a name such as same, or cells such as 1, or 1,2 for rows and columns, "
            "or 1:0,0:2 for before:after of each"
        )
    sides = tuple(_side(one) for one in text.split(","))
    return sides[0] if len(sides) == 1 and isinstance(sides[0], int) else sides


def _side(text: str) -> Pair:
    found = tuple(int(one) for one in text.split(":"))
    return found[0] if len(found) == 1 else (found[0], found[1])


def mode(text: str) -> Any:
    """Return the name of a boundary, or the number that the border holds.

    >>> mode("reflect"), mode("128")
    ('reflect', 128)
    """
    return _number(text)


def _number(text: str) -> Any:
    """Return the number that a text is, or the text."""
    for kind in (int, float, complex):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def bias(text: str) -> list[Any]:
    """Return one number per filter.

    >>> bias("1,-0.5")
    [1, -0.5]
    """
    found = [_number(one.strip()) for one in text.split(",")]
    if any(isinstance(one, str) for one in found):
        raise click.BadParameter(f"{text!r} must be a number, or one per filter such as 1,-0.5")
    return found


def size(text: str) -> tuple[int, ...]:
    """Return a size of 1 to 3 dimensions.

    >>> size("32x224x224")
    (32, 224, 224)
    """
    if not re.fullmatch(r"\d+([x×X,]\d+){0,2}", text):
        raise click.BadParameter(f"{text!r} must be a size of 1 to 3 dimensions, such as 224x224")
    return tuple(int(one) for one in re.split("[x×X,]", text))


def shape(text: str) -> tuple[int, ...]:
    """Return the shape of an array of up to 5 dimensions.

    >>> shape("1x64x56x56")
    (1, 64, 56, 56)
    """
    if not re.fullmatch(r"\d+([x×X,]\d+){0,4}", text):
        raise click.BadParameter(f"{text!r} must be the shape of an array, such as 1x64x56x56")
    return tuple(int(one) for one in re.split("[x×X,]", text))


def complete_filter(_context: click.Context, _param: click.Parameter, start: str) -> "list[CompletionItem]":
    """Return the names of filters that begin like this, for the shell."""
    from click.shell_completion import CompletionItem  # here, for --help must not wait for it, nor for NumPy

    from convolve import filters  # as above

    return [
        CompletionItem(name, help=filters.purpose(name)[0])
        for name in filters.names()
        if name.startswith(start)
    ]
