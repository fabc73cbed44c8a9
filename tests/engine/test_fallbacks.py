"""No public option silently falls back to the reference: which specs still do is written down here."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.api import dispatch
from convolve.arguments import Call, conv_spec, input_grad_spec, weight_grad_spec
from convolve.dtypes import SUPPORTED, parse_dtype
from convolve.errors import ConvolveError
from convolve.runtime import engine

FALLS_BACK: set[str] = set()
"""Why a spec is left to the reference: for no reason. Only values are: integer sums beyond 64 bits, and
complex weights that are not finite beside zero padding."""

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


def calls(dtype: Any, weight_dtype: Any, layout: str, options: dict[str, Any]) -> Iterator[Call]:
    """Yield a call of every operation with these options."""
    groups = options.get("groups", 1)
    shape = (2, 4, 9, 8) if layout == "channels_first" else (2, 9, 8, 4)
    image, weight = np.zeros(shape, dtype), np.zeros((6, 4 // groups, 3, 3), weight_dtype)
    more = {**options, "layout": layout}
    yield conv_spec("conv", 2, image, weight, np.zeros(6, dtype), **more)
    forward = conv_spec("conv", 2, image, weight, **more)
    gradient = np.zeros(forward.form.shape(forward.spec.output_shape), dtype)
    yield input_grad_spec(2, shape, weight, gradient, **more)
    turned = np.zeros((4, 6 // groups, 3, 3), weight_dtype)
    for make in (
        lambda: conv_spec("conv_transpose", 2, image, turned, **more),
        lambda: weight_grad_spec(2, image, weight.shape, gradient.astype(weight_dtype), **more),
    ):
        try:
            yield make()
        except ConvolveError:  # what has no meaning is refused: a constant border's adjoint, NaN left out
            continue


def reasons() -> Iterator[str | None]:
    """Yield why a spec falls back, for every combination of public options."""
    dtypes = [parse_dtype(name, "dtype") for name in SUPPORTED]
    pairs = [(one, one) for one in dtypes]
    pairs += itertools.product(
        map(np.dtype, ("uint8", "float32", "float16")), map(np.dtype, ("int8", "float64", "complex64"))
    )
    for (dtype, other), layout, options in itertools.product(
        pairs, ("channels_first", "channels_last"), OPTIONS
    ):
        for call in calls(dtype, other, layout, options):
            yield engine.why_not(call.spec)


def test_only_what_is_written_down_falls_back() -> None:
    assert {reason for reason in reasons() if reason is not None} == FALLS_BACK


def test_compiled_calls_do_not_reach_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(call: Call) -> Any:
        raise AssertionError(f"the reference was taken for {call.spec}")

    monkeypatch.setattr(dispatch.reference, "run", run)
    image, weight = np.ones((2, 4, 9, 8), np.float32), np.ones((6, 4, 3, 3), np.float32)
    for options in OPTIONS:
        filters = weight[:, : 4 // options.get("groups", 1)]
        assert convolve.conv2d(image, filters, **options).any()
    for name in SUPPORTED:
        dtype = parse_dtype(name, "dtype")
        assert convolve.conv2d(image.astype(dtype), weight.astype(dtype), padding=1).all()
    with pytest.raises(AssertionError, match="the reference was taken"):
        convolve.conv2d(image, weight, algorithm="reference")
