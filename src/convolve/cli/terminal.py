"""`convolve explain --interactive`: walk through the steps with the keys of a terminal."""

import os
import select
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from convolve.errors import ArgumentError

if TYPE_CHECKING:
    from convolve.explain.explanation import Explanation

KEYS = {
    b"\x1b[C": "right", b"\x1bOC": "right", b"n": "right", b"l": "right",
    b"\x1b[D": "left", b"\x1bOD": "left", b"p": "left", b"h": "left",
    b"\x1b[B": "down", b"\x1bOB": "down", b"j": "down",
    b"\x1b[A": "up", b"\x1bOA": "up", b"k": "up",
    b"\x1b[H": "first", b"\x1bOH": "first", b"\x1b[F": "last", b"\x1bOF": "last",
    b" ": "play", b"q": "quit", b"Q": "quit", b"\x1b": "quit", b"\x04": "quit", b"": "quit",
}  # fmt: skip
"""What a terminal sends for a key -> what it means; nothing at all means that the terminal is gone."""

LONG_KEYS = tuple(key for key in KEYS if len(key) > 1)
LONGEST_KEY = 8
ESCAPE_WAIT = 0.05
"""Seconds in which the rest of an arrow key follows its first byte."""

PACE = 0.8
"""Seconds per step while the steps play by themselves."""
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""The terminal's second screen, without a cursor, so that what was on the first one stays."""
CLEAR = "\x1b[H\x1b[2J"
HELP = "left/right: step   up/down: row   space: play or stop   q: quit"


def check_terminal() -> None:
    """Refuse where there is no terminal to draw on and to read keys from."""
    try:
        import termios  # noqa: F401  # only some systems have it
    except ImportError:
        raise ArgumentError(
            "--interactive needs a terminal as Unix has it; use --html FILE, which steps in a browser"
        ) from None
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ArgumentError(
            "--interactive needs a terminal on both ends, but one of them is a pipe or a file; "
            "use --step all for all steps as text, or --html FILE"
        )


def walk(explanation: "Explanation", number: int) -> None:
    """Show one step after the other, as the keys say, until "q"."""
    count = len(explanation.steps)
    row = explanation.call.spec.result_shape[-1]
    playing = False
    with _screen():
        while True:
            sys.stdout.write(f"{CLEAR}{fitting_text(explanation, number)}\n{HELP}\n")
            sys.stdout.flush()
            key = read_key(PACE if playing else None)
            if key == "quit":
                return
            if key == "play":
                playing = not playing and number + 1 < count
            elif key is not None:
                playing = False
            number = moved(number, "right" if key is None and playing else key, count, row)
            playing = playing and number + 1 < count


def fitting_text(explanation: "Explanation", number: int) -> str:
    """Return a step in full, or where the terminal is too small for that, its arithmetic."""
    full = explanation.to_text(number)
    if full.count("\n") + 3 <= shutil.get_terminal_size().lines:
        return full
    from convolve.explain.text import arithmetic, heading  # here, so that --help loads no NumPy

    step = explanation.steps[number]
    return "\n".join([heading(explanation, step), *arithmetic(step), *explanation.size_formula, ""])


def moved(number: int, key: str | None, count: int, row: int) -> int:
    """Return the step that a key leads to; at an end it stays where it is.

    >>> moved(0, "right", 9, 3), moved(0, "left", 9, 3), moved(1, "down", 9, 3), moved(8, "down", 9, 3)
    (1, 0, 4, 8)
    """
    if key in ("first", "last"):
        return 0 if key == "first" else count - 1
    target = number + {"right": 1, "left": -1, "down": row, "up": -row}.get(key or "", 0)
    return target if 0 <= target < count else number


def read_key(seconds: float | None) -> str | None:
    """Wait for a key and return its meaning; None after the time, or for a key without a meaning."""
    terminal = sys.stdin.fileno()
    if not _has_more(terminal, seconds):
        return None
    key = os.read(terminal, 1)
    while key.startswith(b"\x1b") and key not in LONG_KEYS and len(key) < LONGEST_KEY:
        if not _has_more(terminal, ESCAPE_WAIT):
            break  # the key Esc itself
        key += os.read(terminal, 1)
    return KEYS.get(key, "none")


def _has_more(terminal: int, seconds: float | None) -> bool:
    return bool(select.select([terminal], [], [], seconds)[0])


@contextmanager
def _screen() -> Iterator[None]:
    """Read keys one by one and draw on the second screen; leave the terminal as it was, whatever happens."""
    import termios  # only some systems have these two
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        sys.stdout.write(ENTER)
        yield
    finally:
        sys.stdout.write(LEAVE)
        sys.stdout.flush()
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
