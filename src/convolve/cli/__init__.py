"""The command line: one file per command, imported when it is called. Start reading in `program`."""

from convolve.cli.program import main

__all__ = ["main"]
