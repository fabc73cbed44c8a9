"""One node of a file while it is brought to the present opset: as the file has it, but changeable."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import FileFormatError


@dataclass
class Draft:
    """A node as a file has it: names of what it reads and writes, and attributes as Python values."""

    operation: str
    inputs: list[str]
    outputs: list[str]
    name: str
    attributes: dict[str, Any] = field(default_factory=dict)

    def input(self, place: int) -> str:
        """Return the name of an input; "" where there is none."""
        return self.inputs[place] if place < len(self.inputs) else ""

    def set_input(self, place: int, name: str) -> None:
        """Set an input, with absent ones before it if need be."""
        self.inputs += [""] * (place + 1 - len(self.inputs))
        self.inputs[place] = name

    def refuse(self, why: str) -> FileFormatError:
        """Return the error that says why this node cannot be read."""
        return FileFormatError(f"{self.name} ({self.operation}): {why}")


@dataclass
class Context:
    """What upgrades may know of the file and add to it.

    Attributes
    ----------
    opset
        Of the file.
    constants
        Numbers by name; upgrades add theirs.
    ndims
        Dimensions of tensors, where the file says them.
    any_size
        Whether images may have several sizes.
    """

    opset: int
    constants: dict[str, Array]
    ndims: dict[str, int] = field(default_factory=dict)
    any_size: bool = True

    def constant(self, draft: Draft, part: str, value: Any, dtype: Any = np.int64) -> str:
        """Add numbers that belong to a node, and return their name."""
        name = f"{draft.name}.{part}"
        while name in self.constants:
            name += "'"
        self.constants[name] = np.asarray(value, dtype)
        return name

    def ndim(self, name: str) -> int | None:
        """Return the number of a tensor's dimensions, if it is known."""
        return self.constants[name].ndim if name in self.constants else self.ndims.get(name)
