"""Refuse, when the package is imported, a Python whose global interpreter lock is switched off.

Recipes, workspaces and compiled routines are shared between threads, and stay whole because one step in a
list or a dictionary is one under that lock. Without it results would be right most of the time, which is
worse than an error that says what to do.
"""

import platform
import sys


def require_interpreter_lock() -> None:
    """Raise ImportError if threads run Python at the same time; Python up to 3.12 cannot be told to."""
    enabled = getattr(sys, "_is_gil_enabled", None)  # from Python 3.13 on
    if enabled is None or enabled():
        return
    version = platform.python_version()
    raise ImportError(
        "convolve needs Python's global interpreter lock, which keeps what its threads share whole; this "
        f"Python {version} runs without it: set PYTHON_GIL=1, start it with -X gil=1, or take the ordinary "
        f"build of Python {version}"
    )


require_interpreter_lock()
