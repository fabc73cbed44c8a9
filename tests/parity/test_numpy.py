"""NumPy's ``convolve``, ``correlate`` and ``pad``, computed by convolve's public functions."""

import numpy as np
import pytest

import convolve
from tests.parity.compare import same, whole

PADDINGS = {"full": "full", "same": "same_lower", "valid": "valid"}
MODES = {
    "edge": "replicate",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "wrap": "circular",
    "constant": "zeros",
}


@pytest.mark.parametrize("mode", PADDINGS)
@pytest.mark.parametrize("taps", [1, 2, 3, 4, 7])
def test_convolve(mode: str, taps: int) -> None:
    signal, kernel = whole(taps, (11,), np.int64), whole(taps + 50, (taps,), np.int64)
    ours = convolve.conv1d(signal, kernel, padding=PADDINGS[mode], flip=True)
    same(ours, np.convolve(signal, kernel, mode))  # type: ignore[call-overload]


@pytest.mark.parametrize("mode", PADDINGS)
@pytest.mark.parametrize("taps", [1, 2, 3, 4, 7])
def test_correlate(mode: str, taps: int) -> None:
    signal, kernel = whole(taps, (11,), np.int64), whole(taps + 50, (taps,), np.int64)
    ours = convolve.conv1d(signal, kernel, padding=PADDINGS[mode])
    same(ours, np.correlate(signal, kernel, mode))  # type: ignore[call-overload]


def test_correlate_conjugates_and_we_do_not() -> None:
    signal, kernel = whole(1, (9,)) + 1j * whole(2, (9,)), whole(3, (3,)) + 1j * whole(4, (3,))
    same(convolve.conv1d(signal, kernel.conj()), np.correlate(signal, kernel, "valid"))
    same(convolve.conv1d(signal, kernel, flip=True), np.convolve(signal, kernel, "valid"))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("widths", [((1, 2),), ((0, 3), (4, 1)), ((9, 7), (0, 12)), ((2, 0), (5, 5), (0, 9))])
def test_pad_is_a_filter_of_one_tap(mode: str, widths: tuple[tuple[int, int], ...]) -> None:
    image = whole(7, (4, 3, 5)[: len(widths)], np.int64) + 20
    functions = (convolve.conv1d, convolve.conv2d, convolve.conv3d)
    one = np.ones((1,) * len(widths), np.int64)
    ours = functions[len(widths) - 1](image, one, padding=widths, padding_mode=MODES[mode])
    np.testing.assert_array_equal(ours, np.pad(image, widths, mode=mode))  # type: ignore[call-overload]


@pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric", "wrap"])
def test_pad_of_a_single_cell(mode: str) -> None:
    ours = convolve.conv1d([7], [1], padding=((3, 2),), padding_mode=MODES[mode])
    same(ours, np.pad([7], (3, 2), mode=mode))  # type: ignore[call-overload]


@pytest.mark.parametrize("bias", [2, [2], np.array([2])])
def test_a_bias_of_plain_whole_numbers_keeps_the_result_whole(bias: object) -> None:
    """As in NumPy, where whole numbers and a plain 2 stay whole: 2**62 + 2 is exact, which no float holds."""
    image, kernel = np.full((3, 3), 2**60), np.ones((2, 2), np.int64)
    ours = convolve.conv2d(image, kernel, bias)
    np.testing.assert_array_equal(ours, np.full((2, 2), 2**62 + 2))
    assert ours.dtype == np.int64
