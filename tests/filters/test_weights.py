"""The numbers of the named filters, against SciPy, OpenCV and what each filter is for."""

import numpy as np
import pytest

import convolve
from convolve import filters
from tests.peers import peer

SMOOTHING = [
    "box:3",
    "box:2,5",
    "gaussian:1.5",
    "gaussian:1,2",
    "motion-blur:9,45",
    "motion-blur:4",
    "identity",
]
KEEPING = [*SMOOTHING, "sharpen", "unsharp:2,0.7", "emboss"]
ANSWERING_TO_CHANGE = [
    "sobel-x", "scharr-y", "prewitt-x", "roberts-down", "roberts-up", "laplacian", "laplacian-8", "log:2",
    "dog:1,2", "gabor:6,30", "gaussian-dx:1", "gaussian-dxx:1", "gaussian-dxy:2",
]  # fmt: skip


@pytest.mark.parametrize("name", KEEPING)
def test_even_image_stays_as_it_is(name: str) -> None:
    assert float(filters.get(name).weights[0].sum()) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("name", ANSWERING_TO_CHANGE)
def test_even_image_gives_no_answer(name: str) -> None:
    assert float(filters.get(name).weights[0].sum()) == pytest.approx(0.0, abs=2e-4)


@pytest.mark.parametrize("kind", ["sobel", "scharr", "prewitt", "gaussian-d"])
@pytest.mark.parametrize("axis", ["x", "y"])
def test_first_differences_are_positive_where_brightness_grows(kind: str, axis: str) -> None:
    ramp = np.add.outer(np.zeros(15), np.arange(15.0))
    image = ramp if axis == "x" else ramp.T
    name = f"{kind}{axis}:1" if kind.endswith("d") else f"{kind}-{axis}"
    assert convolve.apply(image, name)[7, 7] > 0
    assert convolve.apply(image.T, name)[7, 7] == pytest.approx(0)


def test_gaussian_derivative_of_a_ramp_is_its_slope() -> None:
    ramp = 3.0 * np.arange(41.0) + np.zeros((41, 1))
    assert convolve.apply(ramp, "gaussian-dx:2")[20, 20] == pytest.approx(3.0, rel=2e-3)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("kind", ["sobel", "prewitt"])
def test_differences_are_scipys(kind: str, ndim: int) -> None:
    ndimage = peer("scipy.ndimage")
    image = np.random.default_rng(3).integers(0, 99, (9,) * ndim)
    ours = convolve.apply(image, filters.get(f"{kind}-x", ndim=ndim), padding_mode="symmetric")
    assert np.array_equal(ours, getattr(ndimage, kind)(image, axis=-1, mode="reflect"))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_laplacian_is_scipys(ndim: int) -> None:
    ndimage = peer("scipy.ndimage")
    image = np.random.default_rng(4).integers(0, 99, (8,) * ndim)
    ours = convolve.apply(image, filters.get("laplacian", ndim=ndim), padding_mode="symmetric")
    assert np.array_equal(ours, ndimage.laplace(image, mode="reflect"))


@pytest.mark.parametrize(
    "name,order", [("gaussian:1.7", 0), ("gaussian-dx:1.7", (0, 1)), ("gaussian-dyy:1.7", (2, 0))]
)
def test_gaussians_are_scipys(name: str, order: int | tuple[int, int]) -> None:
    ndimage = peer("scipy.ndimage")
    image = np.random.default_rng(5).normal(size=(30, 40))
    expected = ndimage.gaussian_filter(image, 1.7, order=order, mode="mirror")
    assert np.abs(convolve.apply(image, name) - expected).max() < 1e-12


def test_anisotropic_gaussian_is_scipys() -> None:
    ndimage = peer("scipy.ndimage")
    volume = np.random.default_rng(6).normal(size=(12, 13, 14))
    ours = convolve.apply(volume, filters.gaussian([0.5, 1.0, 1.5], ndim=3))
    assert np.abs(ours - ndimage.gaussian_filter(volume, [0.5, 1.0, 1.5], mode="mirror")).max() < 1e-12


def test_log_is_scipys_but_for_the_shift() -> None:
    ndimage = peer("scipy.ndimage")
    image = np.random.default_rng(7).normal(size=(40, 40))
    ours = convolve.apply(image, "log:2")
    assert np.abs(ours - ndimage.gaussian_laplace(image, 2, mode="mirror")).max() < 2e-3


@pytest.mark.parametrize("name,dx,dy", [("sobel-x", 1, 0), ("sobel-y", 0, 1)])
def test_sobel_is_opencvs(name: str, dx: int, dy: int) -> None:
    cv2 = peer("cv2")
    image = np.random.default_rng(8).integers(0, 256, (20, 21), dtype=np.uint8)
    assert np.array_equal(convolve.apply(image, name), cv2.Sobel(image, cv2.CV_16S, dx, dy))


def test_scharr_is_opencvs() -> None:
    cv2 = peer("cv2")
    image = np.random.default_rng(9).integers(0, 256, (20, 21), dtype=np.uint8)
    assert np.array_equal(convolve.apply(image, "scharr-x"), cv2.Scharr(image, cv2.CV_16S, 1, 0))


def test_gabor_is_opencvs_up_to_scale_and_mean() -> None:
    cv2 = peer("cv2")
    ours = filters.gabor(8.0, 0.0, sigma=4.0)
    theirs = cv2.getGaborKernel(ours.shape[::-1], 4.0, 0.0, 8.0, 1.0, 0.0)
    theirs = theirs / np.exp(-0.5 * (np.indices(ours.shape) - 12) ** 2 / 16).prod(axis=0).sum()
    assert np.abs((ours - theirs) - (ours - theirs)[12, 12] * ours.shape[0] / ours.shape[0]).max() < 1e-2


def test_gabor_answers_to_its_own_direction() -> None:
    stripes = np.cos(2 * np.pi * np.arange(60) / 6) + np.zeros((60, 1))
    strength = {angle: np.abs(convolve.apply(stripes, f"gabor:6,{angle}")).max() for angle in (0, 45, 90)}
    assert strength[0] > 5 * strength[45]
    assert strength[0] > 5 * strength[90]
    bank = convolve.apply(stripes.T, "gabor-bank:6,4")
    assert bank.max() == pytest.approx(strength[0], rel=1e-6)


def test_motion_blur_goes_the_way_it_says() -> None:
    rising = filters.motion_blur(9, 45)
    assert rising[1, -2] > 0
    assert rising[1, 1] == 0
    assert np.count_nonzero(filters.motion_blur(9, 90)) == 9
    assert (filters.motion_blur(9, 90)[:, 4] > 0).all()


def test_sobel_magnitude_is_the_root_of_the_squares() -> None:
    image = np.random.default_rng(10).integers(0, 256, (12, 13), dtype=np.uint8)
    x, y = (convolve.apply(image, name).astype(float) for name in ("sobel-x", "sobel-y"))
    magnitude = convolve.apply(image, "sobel")
    assert magnitude.dtype == np.float32
    assert np.abs(magnitude - np.hypot(x, y)).max() < 1e-3


def test_log_answers_most_to_spots_of_its_size() -> None:
    y, x = np.indices((61, 61)) - 30
    answers = []
    for sigma in (2, 4, 6):
        spot = ((x**2 + y**2) <= 2 * 4**2).astype(float)
        answers.append(sigma**2 * abs(convolve.apply(spot, f"log:{sigma}")[30, 30]))
    assert max(answers) == answers[1]


def test_whole_numbers_are_small_integers_so_that_images_stay_exact() -> None:
    image = np.zeros((5, 5), np.uint8)
    for name in ("sobel-x", "laplacian-8", "sharpen", "emboss", "identity", "1 0 -1; 2 0 -2"):
        assert convolve.apply(image, name).dtype == np.int32
    assert convolve.apply(image, "gaussian:1").dtype == np.float32
    assert convolve.apply(image.astype(float), "gaussian:1").dtype == np.float64


def test_weights_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        filters.sobel_x[0, 0] = 9
