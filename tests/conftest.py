"""What all tests share: the seed, the profiles of hypothesis, and the account of what was left out."""

import importlib.util
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import seeds
from tests.peers import left_out

# A slow or busy machine must not fail a test, so no example has a deadline. "thorough" is for releases:
# CONVOLVE_PROFILE=thorough scripts/test
settings.register_profile("default", deadline=None, max_examples=100, print_blob=True)
settings.register_profile(
    "thorough", settings.get_profile("default"), max_examples=5000, suppress_health_check=list(HealthCheck)
)
settings.load_profile(os.environ.get("CONVOLVE_PROFILE", "default"))


SOURCE = Path(__file__).resolve().parents[1] / "src" / "convolve"
ROOMS_OF = {"av": "video", "dask": "arrays"}
"""Optional package -> the room whose examples cannot run without it."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let hypothesis draw from the printed seed too, unless the caller chose one with --hypothesis-seed.

    And let Ctrl-C reach the processes that tests start, also where a shell runs the tests in the background.
    Examples of modules that need a peer are left out where it is missing; in CI they fail.
    """
    if not os.environ.get("CI"):
        config.option.doctest_ignore_import_errors = True
        absent = [room for name, room in ROOMS_OF.items() if importlib.util.find_spec(name) is None]
        config.option.ignore = [*(config.option.ignore or []), *(str(SOURCE / one) for one in absent)]
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = seeds.seed()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let golden texts be written anew."""
    parser.addoption("--update-goldens", action="store_true", help="write the texts in tests/golden anew")


def pytest_report_header() -> str:
    """Print the seed first, so that it is known even when a test kills the process."""
    return f"seed: {seeds.seed()} (repeat with CONVOLVE_SEED={seeds.seed()})"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that started this one, if it is one of several, what was left out here."""
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["left_out"] = dict(left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what was left out in one of several processes."""
    left_out.update(getattr(node, "workeroutput", {}).get("left_out", {}))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the optional peers that are missing, or say that nothing was left out."""
    terminalreporter.section("left out")
    for name, install in sorted(left_out.items()):
        terminalreporter.write_line(f"{name} is not installed, its tests were skipped: {install}")
    if not left_out:
        terminalreporter.write_line("nothing: every optional peer that was asked for is installed")
    terminalreporter.write_line(f"seed: {seeds.seed()}")


@pytest.fixture
def seed() -> int:
    """Return the seed of this run."""
    return seeds.seed()


@pytest.fixture
def update_goldens(request: pytest.FixtureRequest) -> bool:
    """Return whether golden texts are written rather than compared."""
    return bool(request.config.getoption("--update-goldens"))
