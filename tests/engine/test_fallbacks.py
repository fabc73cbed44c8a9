"""No public option falls back to the reference; which values do is written down here."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.api import dispatch
from convolve.arguments import Call, conv_spec
from convolve.dtypes import SUPPORTED, parse_dtype
from convolve.errors import ConvolveError

OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"stride": 2, "padding": 1},
    {"dilation": 2, "padding": ((1, 2), (0, 3)), "padding_mode": "reflect"},
    {"padding": "same", "padding_mode": "circular", "flip": True},
    {"padding": 9, "padding_mode": "symmetric"},
    {"padding": 1, "padding_mode": "replicate"},
    {"padding": 1, "padding_mode": 1},
    {"groups": 2, "padding": "same_lower"},
    {"padding": "full", "accuracy": "strict"},
    {"nan": "ignore", "padding": 1},
    {"overflow": "saturate"},
    {"overflow": "wrap"},
)


def calls(dtype: Any, weight_dtype: Any, layout: str, options: dict[str, Any]) -> Iterator[Callable[[], Any]]:
    """Yield a call of every operation with these options."""
    groups = options.get("groups", 1)
    shape = (2, 4, 9, 8) if layout == "channels_first" else (2, 9, 8, 4)
    image, weight = np.ones(shape, dtype), np.ones((6, 4 // groups, 3, 3), weight_dtype)
    turned = np.ones((4, 6 // groups, 3, 3), weight_dtype)
    more = {**options, "layout": layout}
    forward = conv_spec("conv", 2, image, weight, **more)
    gradient = np.ones(forward.form.shape(forward.spec.output_shape), dtype)
    yield lambda: convolve.conv2d(image, weight, np.ones(6, dtype), **more)
    yield lambda: convolve.conv2d_input_grad(shape, weight, gradient, **more)
    yield lambda: convolve.conv_transpose2d(image, turned, **more)
    yield lambda: convolve.conv2d_weight_grad(image, weight.shape, gradient, **more)


def answered(call: Callable[[], Any]) -> bool:
    """Whether a call has a result: what has no meaning, such as a constant border's adjoint, is refused."""
    try:
        call()
    except ConvolveError:
        return False
    return True


@pytest.fixture
def no_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every call fail that reaches the reference."""

    def run(call: Call) -> Any:
        raise AssertionError(f"the reference was taken for {call.spec}")

    monkeypatch.setattr(dispatch.reference, "run", run)


@pytest.mark.usefixtures("no_reference")
@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_no_option_reaches_the_reference(layout: str) -> None:
    found = [answered(call) for options in OPTIONS for call in calls("f4", "f4", layout, options)]
    assert found.count(False) == 2, "the adjoint of a border of ones; the weight's gradient without NaN"


@pytest.mark.usefixtures("no_reference")
@pytest.mark.parametrize("weights", ["same", "int8", "float64", "complex64"])
def test_no_dtype_reaches_the_reference(weights: str) -> None:
    names = SUPPORTED if weights == "same" else ("uint8", "float32", "float16")
    for name in names:
        other = parse_dtype(name if weights == "same" else weights, "dtype")
        for call in calls(parse_dtype(name, "dtype"), other, "channels_first", {"padding": 1}):
            assert answered(call), name


@pytest.mark.usefixtures("no_reference")
def test_the_reference_is_reached_when_asked_for_and_where_values_forbid_the_rest() -> None:
    ones = np.ones((3, 3))
    beyond = np.full((5, 5), 2**62)
    infinite = np.full((3, 3), complex(np.inf, 0))
    for call in (
        lambda: convolve.conv2d(np.ones((5, 5)), ones, algorithm="reference"),
        lambda: convolve.conv2d(beyond, ones.astype(int)),
        lambda: convolve.conv2d(np.ones((5, 5), complex), infinite, padding=1),
    ):
        with pytest.raises(AssertionError, match="the reference was taken"):
            call()
