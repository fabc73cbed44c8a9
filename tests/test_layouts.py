"""F6: however an array lies in memory, the result is that of a plain copy, in 1, 2 and 3 dimensions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import convolve
from tests.specs import FLOATS, INTEGERS

Array = np.ndarray[Any, Any]


def misaligned(array: Array) -> Array:
    """Return a copy whose numbers begin one byte beyond an aligned address."""
    raw = np.zeros(array.nbytes + 1, np.uint8)
    raw[1:] = np.frombuffer(array.tobytes(), np.uint8)
    return raw[1:].view(array.dtype).reshape(array.shape)


def read_only(array: Array) -> Array:
    copy = array.copy()
    copy.setflags(write=False)
    return copy


def within(array: Array) -> Array:
    """Return a view into the middle of a larger array."""
    return np.pad(array, 2)[(slice(2, -2),) * array.ndim]


def every_other(array: Array) -> Array:
    """Return a view of every second cell of a larger array."""
    return np.repeat(array, 2, axis=-1)[..., ::2]


def repeated(array: Array) -> Array:
    """Return one row of the array for all rows, with a stride of zero."""
    return np.broadcast_to(array[:1], array.shape)


class Exporter:
    """Shows an array by DLPack and by nothing else, as arrays of other libraries do."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


LAYOUTS: dict[str, Callable[[Array], Any]] = {
    "C order": np.ascontiguousarray,
    "Fortran order": np.asfortranarray,
    "reversed": lambda array: array[(slice(None, None, -1),) * array.ndim].copy()[
        (slice(None, None, -1),) * array.ndim
    ],
    "transposed": lambda array: array.T.copy().T,
    "every other cell": every_other,
    "within a larger array": within,
    "read-only": read_only,
    "misaligned": misaligned,
    "other byte order": lambda array: array.astype(array.dtype.newbyteorder()),
    "zero stride": repeated,
    "nested lists": lambda array: array.tolist(),
    "DLPack": lambda array: Exporter(array) if array.dtype.kind != "b" else array,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_layouts(layout: str, dims: int) -> None:
    draw = np.random.default_rng(17)
    for name in (*INTEGERS, *FLOATS):
        image = draw.integers(0, 2 if name == "bool" else 99, (6,) * dims).astype(name)
        kernel = draw.integers(0, 3, (3,) * dims).astype("int8" if np.dtype(name).kind in "biu" else name)
        given = LAYOUTS[layout](image)
        plain = np.array(given.array if isinstance(given, Exporter) else given)
        if layout == "nested lists":
            image_of_lists = np.array(image.tolist())
            assert np.array_equal(plain, image_of_lists)
        function = getattr(convolve, f"conv{dims}d")
        expected = function(
            plain.astype(plain.dtype.newbyteorder("=")), kernel, padding=1, padding_mode="reflect"
        )
        result = function(given, kernel, padding=1, padding_mode="reflect")
        assert result.dtype == expected.dtype == expected.dtype.newbyteorder("=")
        assert np.array_equal(result, expected), name
        if plain.dtype.kind == "c":
            continue  # complex numbers have no largest
        pooled = getattr(convolve, f"max_pool{dims}d")(given, 2)
        assert np.array_equal(pooled, getattr(convolve, f"max_pool{dims}d")(plain, 2)), name


@pytest.mark.parametrize(
    "layout", ["Fortran order", "reversed", "every other cell", "misaligned", "transposed"]
)
def test_layouts_of_out(layout: str) -> None:
    image, kernel = np.arange(36.0).reshape(6, 6), np.ones((3, 3))
    expected = convolve.conv2d(image, kernel)
    out = LAYOUTS[layout](np.zeros((4, 4)))
    assert convolve.conv2d(image, kernel, out=out) is out
    assert np.array_equal(out, expected)
