"""What `convolve train` and `convolve score` take as DATA: class folders, or scikit-learn's digits."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convolve.nn import Data

FOLDERS_SIZE = (32, 32)
"""Height and width that pictures of a folder get, if nobody says."""


def read_data(
    data: str, size: Sequence[int] | None = None, channels: int | None = None, crop: float = 1.0
) -> "Data":
    """Return the digits, or the pictures of a folder, as bytes of one size."""
    from convolve import nn  # loads NumPy, which --help must not wait for

    if data == "digits" and not Path(data).is_dir():
        return digits(size, channels, crop)
    return nn.image_folder(data, FOLDERS_SIZE if size is None else size, channels, crop=crop)


def digits(size: Sequence[int] | None, channels: int | None, crop: float) -> "Data":
    """Return 1,797 handwritten digits, 8 × 8 if nobody says otherwise."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        from convolve.errors import MissingExtraError  # needed on a mistake only

        raise MissingExtraError.of("scikit-learn", "sklearn", "the data set of digits") from None
    from convolve import files, nn  # as above

    pixels, labels = load_digits(return_X_y=True)
    images = (pixels.reshape(-1, 8, 8) * (255 / 16)).round().astype("uint8")
    wanted = nn.Preprocessing((8, 8) if size is None else (size[0], size[1]), channels or 1, crop=crop)
    import numpy as np  # as above

    fitted = np.concatenate([wanted.cells(files.Picture(image, "YX")) for image in images])
    names = tuple(f"digits/{number}" for number in range(len(images)))
    return nn.Data(fitted, labels, tuple("0123456789"), names)
