"""What to say when somebody asks `convolve` for a name that it does not have."""

import difflib
from collections.abc import Sequence

from convolve.errors import MissingNameError

FLIPPED = (
    "convolve.convolve does not exist, because its name means two things: numpy.convolve and "
    "scipy.signal.convolve turn the filter by 180 degrees, convolutions in deep learning do not; "
    "use convolve.apply(image, kernel, flip=True) for the former and convolve.apply(image, kernel) for these"
)


def missing_name(name: str, names: Sequence[str]) -> MissingNameError:
    """Return the error for a public name that does not exist."""
    if name == "convolve":
        return MissingNameError(FLIPPED)
    near = difflib.get_close_matches(name, names, 1)
    hint = f"; did you mean {near[0]!r}?" if near else "; dir(convolve) lists what there is"
    return MissingNameError(f"module 'convolve' has no attribute {name!r}{hint}")
