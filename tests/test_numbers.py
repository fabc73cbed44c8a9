"""What numbers go through: NaN and infinity, the ends of integer ranges, odd arrays, odd sizes."""

import random
from typing import Any

import numpy as np
import pytest

import convolve
from convolve import reference
from convolve.arguments import conv_spec
from convolve.dtypes import result_dtype
from convolve.errors import (
    ArgumentError,
    ArgumentTypeError,
    ConvolveError,
    IntegerOverflowError,
    TooLargeError,
)
from tests import oracle
from tests.specs import FLOATS, INTEGERS, draw_case

MODES = ("zeros", 2, "reflect", "symmetric", "replicate", "circular")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_poison_touches_exactly_the_outputs_that_hold_it(mode: Any, poison: float) -> None:
    draw = np.random.default_rng(3)
    image, kernel = draw.normal(size=(9, 10)), draw.normal(size=(3, 2))
    options = {"padding": 3, "stride": 2, "dilation": 2, "padding_mode": mode}
    clean = convolve.conv2d(image, kernel, **options)
    marks = np.zeros((9, 10), np.int64)
    image[5, 5] = poison
    marks[5, 5] = 1
    rest = {**options, "padding_mode": 0 if mode == 2 else mode}
    held = convolve.conv2d(marks, np.ones((3, 2), np.int64), **rest) > 0
    result = convolve.conv2d(image, kernel, **options)
    assert held.any()
    assert (~np.isfinite(result) == held).all()
    assert np.array_equal(result[~held], clean[~held])


def test_padding_contributes_nothing_even_under_an_infinite_weight() -> None:
    for channels in (1, 5):
        image, weight = np.ones((1, channels, 3, 3)), np.zeros((1, channels, 3, 3))
        weight[:, :, 0, 0] = np.inf
        result = convolve.conv2d(image, weight, padding=1)[0, 0]
        assert np.isfinite(result[0]).all()
        assert np.isfinite(result[:, 0]).all()
        assert np.isinf(result[1:, 1:]).all()
    assert np.isinf(convolve.conv2d(np.ones((3, 3)), weight[0, 0], padding=1, padding_mode=1)).all()


def test_subnormals_survive_and_the_floating_mode_is_left_alone() -> None:
    tiny = np.full((4, 4), np.finfo(np.float32).smallest_subnormal, np.float32)
    before = np.geterr()
    result = convolve.conv2d(tiny, np.ones((2, 2), np.float32))
    assert (result == 4 * tiny[0, 0]).all()
    assert np.geterr() == before


def check_nan_rule(draw: random.Random) -> None:
    """Compare nan="ignore" with its formula, window by window."""
    case = draw_case(draw, ("float64",), 9)
    if case.operation == "weight_grad":
        return
    for index in np.ndindex(case.first.shape):
        if draw.random() < 0.4:
            case.first[index] = np.nan
    case.extra = {"nan": "ignore"}
    missing = np.isnan(case.first)
    border = 1 if isinstance(case.geometry["mode"], int) or case.geometry["mode"] == "zeros" else 0
    border = border if case.operation == "conv" else 0
    size = abs(case.second)
    total = case.paired(np.ones_like(case.first), size, border, None).astype(float)
    carried = case.paired((~missing).astype(float), size, border, None).astype(float)
    sums = case.paired(np.where(missing, 0, case.first), case.second, case.fill, None).astype(float)
    gaps = case.paired(missing.astype(float), np.ones_like(size), 0, None).astype(float)
    with np.errstate(all="ignore"):
        expected = np.where(gaps > 0, np.where(carried > 0, sums * (total / carried), np.nan), sums)
    if case.bias is not None:
        expected = expected + case.bias.reshape(-1, *(1,) * case.dims)
    assert np.allclose(case.call(), case.seen(expected), rtol=1e-12, atol=1e-12, equal_nan=True), case


def test_nan_left_out() -> None:
    draw = random.Random(11)
    for _ in range(150):
        check_nan_rule(draw)
    image = np.array([[1.0, np.nan, 3.0]])
    assert convolve.conv2d(image, [[1.0, 1.0]], nan="ignore").tolist() == [[2.0, 6.0]]
    assert np.isnan(convolve.conv2d(np.full((2, 2), np.nan), np.ones((2, 2)), nan="ignore")).all()


def check_range_ends() -> None:
    """Check sums that just fit, and sums that just do not, for every integer dtype and overflow rule."""
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"):
        dtype = np.dtype(name)
        low, high = (0, 1) if name == "bool" else (int(np.iinfo(name).min), int(np.iinfo(name).max))
        for target, step in ((high, 1), (low, -1)):
            x = np.array([[target - step, step]], dtype=object)
            image = (
                x.astype(np.int64)
                if abs(target) < 2**62
                else x.astype(np.uint64 if target > 2**63 else np.int64)
            )
            if (x < 0).any() and image.dtype.kind == "u":
                continue
            options: dict[str, Any] = {"out_dtype": name}
            assert convolve.conv2d(image, [[1, 1]], **options)[0, 0] == target
            for overflow in ("raise", "saturate", "wrap"):
                sums = np.array([[target + step]], dtype=object)
                expected = oracle.delivered(sums, dtype, overflow)
                call = {**options, "overflow": overflow}
                if expected is None:
                    with pytest.raises(IntegerOverflowError, match=str(target + step).lstrip("-")):
                        convolve.conv2d(image, [[1, 2]], **call)
                else:
                    assert convolve.conv2d(image, [[1, 2]], **call).tolist() == expected.tolist()
    floats = np.array([[0.5, 1.5, 2.5, -0.5, -1.5, 300.0, -300.0, 127.4]])
    saturated = convolve.conv2d(floats, [[1.0]], out_dtype="int8", overflow="saturate")
    assert saturated.tolist() == [[0, 2, 2, 0, -2, 127, -128, 127]]
    wrapped = convolve.conv2d(floats, [[1.0]], out_dtype="int8", overflow="wrap")
    assert wrapped.tolist() == [[0, 2, 2, 0, -2, 44, -44, 127]]
    huge = convolve.conv2d([[1e300, -1e300, 2.0**63]], [[1.0]], out_dtype="int64", overflow="saturate")
    assert huge.tolist() == [[2**63 - 1, -(2**63), 2**63 - 1]]


def test_range_ends() -> None:
    check_range_ends()


def test_sums_beyond_int64_are_exact() -> None:
    big = np.full((1, 4), 2**62, np.int64)
    assert convolve.conv2d(big, np.array([[1, 1, -1, -1]])).tolist() == [[0]]
    with pytest.raises(IntegerOverflowError, match=str(2**64)):
        convolve.conv2d(big, np.array([[1, 1, 1, 1]]))
    top = np.array([[2**64 - 1, 2**64 - 1]], np.uint64)
    assert convolve.conv2d(top, np.array([[1, -1]])).tolist() == [[0]]
    assert convolve.conv2d(top, np.array([[1, 0]]), out_dtype=np.uint64).tolist() == [[2**64 - 1]]
    assert convolve.conv2d(top, np.array([[1, 1]]), overflow="saturate").tolist() == [[2**63 - 1]]
    assert convolve.conv2d(top, np.array([[1, 1]]), overflow="wrap").tolist() == [[-2]]
    assert convolve.conv2d(top, np.array([[1, 1]]), out_dtype=float).tolist() == [[2.0**65]]


def test_the_lesson_of_silent_wrapping() -> None:
    nines = np.full((1, 9), 200, np.uint8)
    assert convolve.conv2d(nines, np.ones((1, 9), np.uint8)).tolist() == [[1800]]


def test_a_refused_result_leaves_out_untouched() -> None:
    out = np.full((1, 3), 7, np.int8)
    with pytest.raises(IntegerOverflowError):
        convolve.conv2d(np.array([[1, 2, 500]]), [[1]], out=out, out_dtype="int8")
    assert out.tolist() == [[7, 7, 7]]
    with pytest.raises(ArgumentError, match="cannot hold NaN, but 1 results are NaN"):
        convolve.conv2d(np.array([[1, 2, np.nan]]), [[1.0]], out=out, out_dtype="int8", overflow="saturate")
    assert out.tolist() == [[7, 7, 7]]


def check_blocks(draw: random.Random) -> None:
    """Check that results cut into many small blocks are the same, whatever is cut."""
    kept = reference.BLOCK
    try:
        for _ in range(12):
            case = draw_case(draw, ("int16",), 9)
            whole = case.call()
            reference.BLOCK = draw.choice((1, 2, 3, 5, 17))
            assert np.array_equal(case.call(), whole), case
            reference.BLOCK = kept
    finally:
        reference.BLOCK = kept


def test_blocks() -> None:
    draw = random.Random(13)
    for _ in range(10):
        check_blocks(draw)


def check_dtype_table() -> None:
    """Compare the dtypes of results with the table, for every pair."""
    for left in (*INTEGERS, *FLOATS):
        for right in (*INTEGERS, *FLOATS):
            expected = oracle.result_dtype(np.dtype(left), np.dtype(right))
            assert result_dtype(np.dtype(left), np.dtype(right)) == expected, (left, right)
    ones = np.ones(5000, np.float16)
    assert convolve.conv1d(ones, ones).tolist() == [5000]  # sums in float16 would stop growing at 2048
    assert convolve.conv1d(ones, ones).dtype == np.float16


def test_dtype_table() -> None:
    check_dtype_table()


def test_bfloat16() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    image = np.full((3, 3), 1.0, ml_dtypes.bfloat16)
    result = convolve.conv2d(image, np.full((3, 3), 0.5, ml_dtypes.bfloat16))
    assert result.dtype == ml_dtypes.bfloat16
    assert float(result[0, 0]) == 4.5
    assert convolve.conv2d(image, np.ones((3, 3), np.float16)).dtype == np.float32
    assert convolve.conv2d(np.ones((3, 3)), np.ones((3, 3)), out_dtype="bfloat16").dtype == ml_dtypes.bfloat16
    assert np.array_equal(convolve.max_pool2d(image, 3), np.ones((1, 1), ml_dtypes.bfloat16))


def check_shapes() -> None:
    """Check results without numbers, filters larger than the image, and refusals of impossible sizes."""
    assert convolve.conv2d(np.zeros((0, 2, 5, 5)), np.zeros((3, 2, 3, 3))).shape == (0, 3, 3, 3)
    assert convolve.conv2d(np.zeros((1, 0, 5, 5)), np.zeros((3, 0, 3, 3)), [1, 2, 3])[
        0, :, 0, 0
    ].tolist() == [1, 2, 3]
    assert convolve.conv2d(np.zeros((1, 2, 5, 5)), np.zeros((0, 2, 3, 3))).shape == (1, 0, 3, 3)
    assert convolve.conv2d(np.zeros((0, 5)), np.ones((3, 3)), padding=2).tolist() == [[0] * 7] * 2
    assert convolve.conv1d(np.zeros(0), np.ones(3), padding=2, padding_mode=5).tolist() == [15, 15]
    for way in ("auto", "reference"):
        flat = convolve.conv2d(
            np.zeros((0, 4)), np.ones((3, 1)), padding=(3, 0), padding_mode=2, algorithm=way
        )
        assert flat.tolist() == [[6] * 4] * 4
    for mode in MODES[2:]:
        size = convolve.conv2d(
            np.arange(4).reshape(2, 2), np.ones((5, 7), int), padding=(3, 5), padding_mode=mode
        ).shape
        assert size == (4, 6)
        with pytest.raises(ConvolveError, match="needs at least one cell"):
            convolve.conv2d(np.zeros((0, 5)), np.ones((3, 3)), padding=2, padding_mode=mode)
    for options in ({"stride": 2**41}, {"padding": 2**41}, {"dilation": 2**62}):
        with pytest.raises((TooLargeError, ConvolveError)):
            convolve.conv2d(np.zeros((5, 5)), np.ones((3, 3)), **options)
    for function, options in (
        (lambda **more: convolve.conv2d(np.zeros((5, 5)), np.ones((3, 3)), **more), {"padding": 2**30}),
        (
            lambda **more: convolve.max_pool2d(np.zeros((5, 5)), 2**31, **more),
            {"padding": 2**30, "stride": 9},
        ),
        (lambda **more: convolve.avg_pool2d(np.zeros((5, 5)), 3, **more), {"padding": 10**9}),
        (
            lambda **more: convolve.apply(np.zeros((5, 5)), np.ones((3, 3)), **more),
            {"dilation": 10**9, "algorithm": "reference"},
        ),
    ):
        with pytest.raises(TooLargeError):
            function(**options)


def test_shapes() -> None:
    check_shapes()


def test_masked_arrays_are_refused() -> None:
    with pytest.raises(ArgumentTypeError, match="mask would be lost"):
        convolve.conv2d(np.ma.masked_equal(np.eye(3), 0), np.ones((2, 2)))


@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_out_may_overlap_the_input(dtype: str) -> None:
    numbers = np.random.default_rng(5).integers(-9, 9, (20, 20)).astype(dtype)
    kernel = np.array([[1, 2, 1], [0, 3, 0], [-1, 0, 1]], dtype)
    expected = convolve.conv2d(numbers, kernel, padding=1)
    same = numbers.copy()
    assert convolve.conv2d(same, kernel, padding=1, out=same) is same
    assert np.array_equal(same, expected)
    large = numbers.copy()
    part = convolve.conv2d(large[2:], kernel, out=large[:16, :18])
    assert np.array_equal(part, convolve.conv2d(numbers[2:], kernel))
    turned = numbers.copy()
    convolve.conv2d(turned[::-1], kernel, padding=1, out=turned)
    assert np.array_equal(turned, convolve.conv2d(numbers[::-1].copy(), kernel, padding=1))


def test_any_locale() -> None:
    import locale

    kept = locale.setlocale(locale.LC_ALL)
    try:
        for name in ("de_DE.UTF-8", "C"):
            try:
                locale.setlocale(locale.LC_ALL, name)
            except locale.Error:
                continue
            assert convolve.apply(np.eye(3), "gaussian:1.5").shape == (3, 3)
    finally:
        locale.setlocale(locale.LC_ALL, kept)


def check_bounds() -> None:
    """Check that sums which leave int32 or int64 are noticed, wherever the size of a sum comes from."""
    top = np.full((1, 2, 3), 32767, np.int16)
    ends = np.full(3, 32767, np.int16)
    gradient = np.full((3, 1, 2), 16384, np.int16)
    folded = {"padding": 1, "padding_mode": "circular"}
    mirrored = {"padding": 1, "padding_mode": "replicate"}
    refused: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
        (convolve.conv1d, (top, np.full((1, 2, 2), 32767, np.int16)), {}),
        (convolve.conv1d, (ends, [1]), {"bias": [1], "out_dtype": "int16"}),
        (convolve.conv1d, (np.zeros(2, np.int16), ends), {"padding": 3, "padding_mode": 32767}),
        (convolve.conv_transpose1d, (ends, ends), {}),
        (convolve.conv_transpose1d, (ends, ends[:1]), folded),
        (convolve.conv_transpose1d, (np.full(5, -32768, np.int16), np.full(1, -32768, np.int16)), mirrored),
        (convolve.conv1d_weight_grad, (np.full((3, 1, 2), 32767, np.int16), (1, 1, 1), gradient), {}),
    ]
    for function, arguments, options in refused:
        with pytest.raises(IntegerOverflowError):
            function(*arguments, **options)
        saturated = function(*arguments, overflow="saturate", **options)
        assert np.iinfo(saturated.dtype).max in saturated


def check_reads() -> None:
    """Check what regions read at the ends of a padded line."""
    from convolve.axis import Axis

    axis = Axis(size=4, outputs=8, taps=3, before=3, after=3)
    assert axis.reads(0, 1).border == (3, 0)
    assert axis.reads(1, 2).border == (2, 0)
    assert axis.reads(7, 8).border == (0, 3)
    assert axis.reads(0, 8).border == (3, 3)
    assert axis.reads(2, 3).hull == slice(0, 2)
    assert axis.reads(0, 1).hull == slice(0, 0)
    assert axis.reads(3, 3).cells.size == 0
    assert axis.reads(3, 3).hull == slice(0, 0)
    assert axis.reads(3, 3).border == (0, 0)
    assert axis.tap_range(2, 0, 8) == (1, 5)
    assert Axis(size=4, outputs=20, taps=3, before=9).reads(0, 1).border == (3, 0)
    far = Axis(size=1, outputs=3, taps=3, after=4)
    assert [far.tap_range(tap, 0, 3) for tap in range(3)] == [(0, 1), (0, 0), (0, 0)]
    assert convolve.conv1d(np.array([5]), np.array([1, 2, 3]), padding=((0, 4),)).tolist() == [5, 0, 0]
    kept = reference.BLOCK
    reference.BLOCK = 1
    try:
        gaps = convolve.conv1d(np.arange(40), [1, 1], stride=2, dilation=20, padding=((4, 0),))
    finally:
        reference.BLOCK = kept
    assert gaps.tolist() == [16, 18, *(20 + 4 * i for i in range(10))]


def check_named_paddings() -> None:
    """Check names of paddings against the pairs that they stand for."""
    line = np.arange(1, 8)
    assert convolve.conv1d(line, [1, 1, 1], padding="causal").tolist() == [1, 3, 6, 9, 12, 15, 18]
    pairs = {"stride": 3, "padding": ((0, 0),), "dilation": 2}
    named = convolve.conv_transpose1d(line, [1, 1], stride=3, padding="same", dilation=2)
    assert np.array_equal(named, convolve.conv_transpose1d(line, [1, 1], **pairs))
    assert len(named) == 21
    assert convolve.max_pool1d(line[:6], 3, stride=2, padding="same").tolist() == [3, 5, 6]
    spec = conv_spec("conv", 1, line, [1, 1], padding=((1, 3),)).spec
    assert (spec.axes[0].before, spec.axes[0].after) == (1, 3)
    assert spec.axes[0].formula() == "⌊(7 + 1 + 3 − 1·(2−1) − 1) / 1⌋ + 1 = 10"
    back = conv_spec("conv_transpose", 1, line, [1, 1, 1], padding=((0, 2),)).spec
    assert (back.axes[0].before, back.axes[0].after) == (0, 2)


def check_refusals() -> None:
    """Check the refusals that sizes decide on."""
    image, kernel = np.zeros((4, 4)), np.ones((3, 3))
    for call in (
        lambda: convolve.conv2d(image, np.ones((5, 3))),
        lambda: convolve.conv_transpose2d(image, kernel, padding=9),
        lambda: convolve.conv_transpose2d(image, kernel, stride=2, output_padding=2),
        lambda: convolve.conv_transpose2d(image, kernel, stride=2, padding="same", output_padding=1),
        lambda: convolve.max_pool1d(np.zeros(1), 2, stride=1, padding=((0, 2),)),
        lambda: convolve.avg_pool2d(image, 2, divisor_override=0),
        lambda: convolve.conv2d(np.full((1, 1), 300), [[1]], out_dtype="uint8"),
        lambda: convolve.conv2d(np.full((1, 1), -1), [[1]], out_dtype="uint8"),
    ):
        with pytest.raises(ConvolveError):
            call()
    for values, shown in (([300, 5], 300), ([5, -1], -1), ([255, -1], -1)):
        with pytest.raises(IntegerOverflowError, match=f"one result is {shown}"):
            convolve.conv1d(values, [1], out_dtype="uint8")
    nothing = convolve.apply(
        np.zeros((4, 4, 0)), "sobel", channel_axis=-1, out_dtype="uint8", overflow="raise"
    )
    assert nothing.shape == (4, 4, 0)
    assert convolve.conv1d([2.0**60 + 2**8], [1.0], out_dtype="int8", overflow="wrap").tolist() == [0]
    assert convolve.conv_transpose2d(image, kernel, stride=2, dilation=3, output_padding=2).shape == (15, 15)
    assert convolve.conv_transpose2d(image, kernel, stride=2, padding="same").shape == (8, 8)
    assert convolve.conv_transpose1d(np.ones(1), np.ones(3), padding=1).tolist() == [1.0]
    assert convolve.max_pool2d(image, 4).shape == (1, 1)
    assert convolve.avg_pool2d(np.full((1, 4), 3.0), (1, 2), divisor_override=4).tolist() == [[1.5, 1.5]]
    assert convolve.max_pool1d(np.zeros(3), 2, ceil_mode=True).shape == (2,)
    assert convolve.max_pool1d(np.zeros(4), 2, ceil_mode=True).shape == (2,)
    assert convolve.max_pool1d(np.zeros(2), 2, stride=3, ceil_mode=True).shape == (1,)
    assert convolve.max_pool1d(np.zeros(3), 2, stride=3, padding=((1, 1),), ceil_mode=True).shape == (2,)
    assert convolve.max_pool1d(np.zeros(1), 2, stride=2, ceil_mode=True).shape == (1,)
    assert convolve.max_pool1d(np.zeros(3), 2, stride=3, padding=((1, 0),), ceil_mode=True).shape == (2,)
    assert convolve.max_pool1d(np.zeros(3), 2, stride=3, padding=((0, 1),), ceil_mode=True).shape == (1,)


def check_poison() -> None:
    """Check that NaN stays NaN unless it shall be left out, and wins a maximum."""
    image = np.array([[1.0, np.nan, 3.0, 4.0]])
    assert np.isnan(convolve.conv2d(image, [[1.0, 1.0]])).tolist() == [[True, True, False]]
    assert convolve.conv1d([1.0, np.nan], [0.25, 0.25], nan="ignore").tolist() == [0.5]
    bordered = convolve.conv1d([np.nan, 2.0], [1.0, 3.0], padding=1, nan="ignore")
    assert np.array_equal(bordered, [0.0, 2.0 * 3.0 * 4.0 / 3.0, 2.0])
    silent = convolve.conv1d([1.0, np.nan, 1.0, 1.0], [0.0, 0.0], nan="ignore")
    assert np.array_equal(silent, [np.nan, np.nan, 0.0], equal_nan=True)
    best, where = convolve.max_pool2d(image, (1, 2), return_indices=True)
    assert np.isnan(best[0, 0])
    assert (best[0, 1], where.tolist()) == (4.0, [[1, 3]])


def check_tap_without_cells() -> None:
    """A tap under which no output finds a cell adds nothing, wherever its cells would begin."""
    result = convolve.conv1d(
        np.arange(1, 5),
        np.array([1, 10, 100]),
        stride=2,
        padding=((2, 1),),
        dilation=3,
        algorithm="reference",
    )
    assert result.tolist() == [20]


CORNERS = [
    check_bounds, check_reads, check_named_paddings, check_refusals, check_poison, check_tap_without_cells,
]  # fmt: skip


@pytest.mark.parametrize("check", CORNERS)
def test_corners(check: Any) -> None:
    check()
