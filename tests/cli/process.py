"""Runs the command line: as a process of its own, as a shell does, or in this one, which is quicker."""

import io
import os
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from convolve.cli import main

SOURCE = Path(__file__).resolve().parents[2] / "src"
PROGRAM = [sys.executable, "-c", "from convolve.cli import main; main()"]


def environment(**extra: str) -> dict[str, str]:
    """Return the environment of a process that finds the package, wherever it runs."""
    plain = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "CONVOLVE_DEBUG", "PYTHONUNBUFFERED", "LINES", "COLUMNS")
    }
    return {**plain, "PYTHONPATH": str(SOURCE), **extra}


def convolve(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[bytes]":
    """Run ``convolve`` to its end; ``env`` adds variables."""
    env = environment(**options.pop("env", {}))
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, check=False, timeout=120, env=env, **options
    )


@dataclass
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def inside(*arguments: str) -> Done:
    """Run ``convolve`` in this process, which is quicker than one of its own."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
        main(arguments)
    return Done(int(str(end.value.code)), out.getvalue(), err.getvalue())


def read_until(master: int, mark: bytes | None = None) -> bytes:
    """Return what a program says on a terminal of our own, up to a mark or to its end; a minute at most."""
    said = b""
    deadline = time.monotonic() + 60
    while (mark is None or mark not in said) and time.monotonic() < deadline:
        try:
            part = os.read(master, 4096)
        except OSError:
            break  # the other end was closed
        if not part:
            break
        said += part
    return said
