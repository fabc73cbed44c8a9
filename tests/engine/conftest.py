"""Small images are filtered by separable passes too, wherever the weights allow it."""

import math
from collections.abc import Iterator

import pytest

from convolve.compiler import planner


@pytest.fixture(autouse=True, scope="session")
def passes_whenever_possible() -> Iterator[None]:
    """Let no estimate stand against separable passes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planner, "WORTH_FACTORS", math.inf)
        yield
