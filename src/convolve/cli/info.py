"""`convolve info`: what a report of a problem should name."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import click

import convolve
from convolve.runtime.host import host_target, usable_cpus

NEEDED = ("numpy", "llvmlite", "platformdirs", "Pillow", "click", "rich")
EXTRAS = {
    "tiff": ("tifffile", "TIFF files"),
    "plot": ("matplotlib", "explanations as plots"),
    "bfloat16": ("ml_dtypes", "the dtype bfloat16"),
    "onnx": ("onnx", "networks from and to ONNX files"),
    "train": ("safetensors", "networks and checkpoints in files"),
    "torch": ("torch", "convolutions for PyTorch's tensors and modules"),
    "sklearn": ("scikit-learn", "ConvNetClassifier, and the data set of digits"),
    "skimage": ("scikit-image", "photographs and faces that detectors learn from"),
    "detection": ("pycocotools", "scores of detectors"),
    "video": ("av", "films"),
    "medical": ("nibabel", "NIfTI files; with pydicom, series of DICOM slices"),
    "zarr": ("zarr", "arrays larger than memory"),
    "hdf5": ("h5py", "arrays in HDF5 files"),
    "dask": ("dask", "arrays on many machines"),
}
"""Extra -> the package that it brings, and what for."""


@click.command(short_help="Show versions, installed extras and the machine.")
def command() -> None:
    """Show versions, installed extras and the machine."""
    lines = [("convolve", convolve.__version__), ("Python", platform.python_version())]
    lines += [(name, _version(name) or "not installed") for name in NEEDED]
    for extra, (package, purpose) in EXTRAS.items():
        found = _version(package)
        state = f"{package} {found}" if found else f'not installed: pip install "convolve[{extra}]"'
        lines.append((f"extra {extra}", f"{state} ({purpose})"))
    lines.append(("machine", f"{platform.machine()}, {platform.system()} {platform.release()}"))
    lines.append(("target", host_target().name))
    lines.append(("CPUs", f"{usable_cpus()} of {os.cpu_count()} may be used by this process"))
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        click.echo(f"{name:<{width}}  {value}")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
