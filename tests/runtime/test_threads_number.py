"""How many threads there are: what callers and the environment say."""

import os
import subprocess
import sys
from typing import Any

import pytest

from convolve.errors import ArgumentError, ArgumentTypeError
from convolve.runtime import threads
from convolve.runtime.host import usable_cpus


def default_with(monkeypatch: pytest.MonkeyPatch, text: str) -> int:
    monkeypatch.setenv(threads.VARIABLE, text)
    return threads._default_threads()


def test_default_is_the_usable_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_with(monkeypatch, "") == usable_cpus()
    monkeypatch.delenv(threads.VARIABLE)
    assert threads._default_threads() == usable_cpus()


@pytest.mark.parametrize(("text", "count"), [("1", 1), (" 7 ", 7), ("1024", 1024)])
def test_the_environment_decides(text: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_with(monkeypatch, text) == count


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "1025", "1e2", "٣", "9" * 5000])
def test_nonsense_in_the_environment(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArgumentError, match=f"{threads.VARIABLE} must be a whole number from 1 to 1024"):
        default_with(monkeypatch, text)


@pytest.mark.parametrize("count", [0, -3, 1025, 10**30])
def test_out_of_range(count: int) -> None:
    with pytest.raises(ArgumentError, match=f"from 1 to 1024; got {count}"):
        threads.set_num_threads(count)


@pytest.mark.parametrize("count", [1.0, "2", None])
def test_not_a_whole_number(count: Any) -> None:
    with pytest.raises(ArgumentTypeError, match="threads must be a whole number"):
        threads.set_num_threads(count)


def test_the_environment_counts_in_a_new_process() -> None:
    program = "from convolve.runtime import threads; print(threads.get_num_threads())"
    environment = {**os.environ, threads.VARIABLE: "5", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "5\n"
