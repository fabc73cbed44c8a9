"""A Python whose global interpreter lock is switched off is refused when the package is imported.

No such Python can be installed here from the registries that the project uses, so what it says of itself is
faked, in a process of its own.
"""

import subprocess
import sys


def imported(answer: str) -> "subprocess.CompletedProcess[str]":
    """Import the package where `sys._is_gil_enabled()` gives this answer."""
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        f"sys._is_gil_enabled = lambda: {answer}\n"
        "import convolve; print(convolve.__version__)\n"
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=False)


def test_a_python_without_the_lock_is_refused() -> None:
    done = imported("False")
    assert done.returncode == 1
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    version = ".".join(map(str, sys.version_info[:3]))
    assert last.startswith("ImportError: convolve needs Python's global interpreter lock")
    assert f"Python {version} runs without it" in last
    assert "set PYTHON_GIL=1, start it with -X gil=1" in last


def test_a_python_with_the_lock_is_not() -> None:
    assert imported("True").returncode == 0


def test_the_question_is_still_asked_by_the_name_that_python_has() -> None:
    assert hasattr(sys, "_is_gil_enabled") == (sys.version_info >= (3, 13))
