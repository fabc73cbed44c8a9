"""`load` and `save`: networks from and to files, by the suffix in ONNX or in our own form."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from convolve.errors import ArgumentTypeError, FileFormatError
from convolve.files import atomic
from convolve.nn import storing
from convolve.nn.network import Network
from convolve.nn.onnx import reading, writing
from convolve.nn.onnx.package import onnx_package


def load(path: str | Path) -> Network:
    """Read a network from a file: an ONNX file, or one with the suffix ".safetensors" that `nn.save` wrote.

    Parameters
    ----------
    path
        Of the file. Weights that an ONNX file keeps in other files are read from its own folder alone.

    Returns
    -------
    Network
        Called with arrays, it returns arrays, for every batch and image size that its layers allow.

    Raises
    ------
    FileMissingError, FileAccessError
        If there is no such file, or it cannot be read.
    FileFormatError
        If it is damaged, or has operations that are not supported; all are named at once.
    ShapeError, ArgumentError, DTypeError
        If layers do not fit together, with the layer's name.
    MissingExtraError
        If the package onnx, or safetensors, is not installed.

    Notes
    -----
    ONNX: opsets 6 to 28; the meaning of every operation is that of https://onnx.ai/onnx/operators.

    Examples
    --------
    >>> load("missing.onnx")
    Traceback (most recent call last):
        ...
    convolve.errors.FileMissingError: there is no file missing.onnx; check its name and folder
    """
    return read(path)[0]


def read(path: str | Path) -> tuple[Network, dict[str, Any]]:
    """Return a network, and the facts that `write` put beside it; other programs' files have none."""
    if not is_ours(path):
        return reading.load(path)
    network, _, facts = storing.read(path)
    return network, facts


def save(network: Network, path: str | Path, *, classes: Sequence[str] = (), force: bool = False) -> None:
    """Write a network, whole or not at all: as ONNX, or with the suffix ".safetensors" in our own form.

    Parameters
    ----------
    network
        Any; ONNX takes those whose operations it has.
    path
        Of the file.
    classes
        Names of what the network tells apart, in the order of its outputs. `Classifier.save` keeps them, too,
        and how pictures are prepared.
    force
        Whether a file that exists may be replaced.

    Raises
    ------
    FileExistsRefusal
        If the file exists and ``force`` is not given.
    ArgumentError
        If ONNX has no such operation.
    MissingExtraError
        If the package onnx, or safetensors, is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from convolve import load, nn
    >>> network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.SiLU(), input_shape=(1, 28, 28))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nn.save(network, f"{folder}/network.safetensors")
    ...     load(f"{folder}/network.safetensors").layers
    ('conv2d1', 'silu1')
    """
    write(path, network, {"classes": list(classes)} if classes else {}, force=force)


def write(path: str | Path, network: Network, facts: Mapping[str, Any], *, force: bool = False) -> None:
    """Write a network and further facts, which JSON takes, by the suffix in ONNX or in our own form."""
    if not isinstance(network, Network):
        raise ArgumentTypeError(f"network must be a Network, got {type(network).__name__}")
    if is_ours(path):
        storing.write(Path(path), network, {}, facts, force=force)
    else:
        writing.save(network, path, facts, force=force)


def check_target(path: Path, *, force: bool = False) -> None:
    """Refuse a file that `write` could not write, before the hours that its network takes.

    Raises
    ------
    FileFormatError, FileMissingError, FileExistsRefusal, FileAccessError, MissingExtraError
        If its suffix, its folder, the file itself or the package that writes it is in the way.
    """
    if not is_ours(path) and path.suffix.lower() != ".onnx":
        raise FileFormatError(f"a model must be {storing.SUFFIX} or .onnx, got {path.name!r}; rename it")
    atomic.check_target(path, force=force)
    storing.package() if is_ours(path) else onnx_package()


def is_ours(path: str | Path) -> bool:
    """Whether a path is of a file in our own form."""
    return isinstance(path, str | Path) and Path(path).suffix.lower() == storing.SUFFIX
