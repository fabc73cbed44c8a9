"""The one place where figures begin: matplotlib (the extra "plot") is imported when something is plotted."""

from typing import Any

from convolve.errors import MissingExtraError


def new_axes(width: float, height: float) -> Any:
    """Return axes of a new figure of so many inches."""
    try:
        import matplotlib.pyplot as plt  # slow to start, and needed for plots alone
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", "plot", "plot()") from error
    return plt.subplots(figsize=(width, height), layout="constrained")[1]
