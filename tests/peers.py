"""The one way for a test to obtain an optional peer, such as SciPy or PyTorch.

A peer that is missing makes the test skip and is named at the end of the run, with the command that
installs it. In CI (``CI=true``) nothing may be left out: a missing peer is a failure.
"""

import importlib
import os
from typing import Any, NoReturn

import pytest

INSTALL = {
    "cv2": "opencv-python-headless",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "torch": "torch==2.13.0",
}

left_out: dict[str, str] = {}
"""Module name -> the command that installs it, for every peer that some test asked for in vain."""


def peer(name: str) -> Any:
    """Return the module ``name``, or skip the test (fail it in CI)."""
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(name, f"pip install {INSTALL.get(name, name.split('.')[0])}")


def missing(name: str, install: str) -> NoReturn:
    """Skip a test (fail it in CI), because something that it needs is not installed."""
    left_out[name] = install
    if os.environ.get("CI"):
        pytest.fail(f"{name} is not installed, and in CI nothing is left out: {left_out[name]}")
    pytest.skip(f"{name} is not installed: {left_out[name]}", allow_module_level=True)
