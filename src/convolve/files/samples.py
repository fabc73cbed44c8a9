"""The photographs that are shipped with the package, each with its licence beside it."""

from importlib import resources

from convolve.errors import FileMissingError
from convolve.files.picture import Picture
from convolve.files.reading import read_bytes

SAMPLES = {"grey": "grey.png", "medical": "medical.jpg", "portrait": "portrait.jpg"}


def samples() -> tuple[str, ...]:
    """Return the names of the photographs that are shipped.

    >>> samples()
    ('grey', 'medical', 'portrait')
    """
    return tuple(SAMPLES)


def sample_bytes(name: str) -> tuple[bytes, str]:
    """Return the file of a sample, and its file name."""
    if name not in SAMPLES:
        raise FileMissingError(f"a sample must be one of {', '.join(SAMPLES)}; got {name!r}")
    return resources.files("convolve").joinpath("data", SAMPLES[name]).read_bytes(), SAMPLES[name]


def sample(name: str) -> Picture:
    """Return one of the photographs that are shipped.

    >>> sample("grey").axes
    'YX'
    """
    return read_bytes(*sample_bytes(name))
