"""Small images are filtered by separable passes too, wherever the weights allow it."""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from convolve import reference
from convolve.compiler import planner


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A caller of functions that must not fall back to the reference."""

    def call(function: Any, *arguments: Any, **options: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(reference, "run", None)
            return function(*arguments, **options)

    return call


@pytest.fixture(autouse=True, scope="session")
def passes_whenever_possible() -> Iterator[None]:
    """Let no estimate stand against separable passes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planner, "WORTH_FACTORS", math.inf)
        yield
