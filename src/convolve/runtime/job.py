"""One call of a routine with everything worked out but some addresses: what networks keep in rows."""

import ctypes
from typing import Any


class Job:
    """A routine and its block of arguments.

    Parameters
    ----------
    routine
        Its address.
    block
        Its arguments, an array of 64-bit words that stays where it is.
    items, scratch_bytes, nanoseconds
        As `convolve.runtime.threads.run` takes them.
    places
        Name of an array -> the word that holds its address.
    kept
        What must live as long: tables, packed weights, machine code.
    alarm
        Not 0 after a run whose results must be computed anew by the direct method.
    """

    __slots__ = (
        "address", "alarm", "block", "items", "kept", "nanoseconds", "places", "routine", "scratch_bytes",
    )  # fmt: skip

    def __init__(
        self,
        routine: int,
        block: Any,
        items: int,
        scratch_bytes: int,
        nanoseconds: float,
        places: dict[str, int],
        kept: object,
        alarm: ctypes.c_float | None = None,
    ) -> None:
        self.routine, self.block, self.items, self.scratch_bytes = routine, block, items, scratch_bytes
        self.nanoseconds, self.places, self.kept, self.alarm = nanoseconds, places, kept, alarm
        self.address = ctypes.addressof(block)

    def point(self, name: str, address: int) -> None:
        """Say where an array begins."""
        self.block[self.places[name]] = address
