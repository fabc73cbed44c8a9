"""Types that the public signatures share."""

from collections.abc import Sequence
from typing import Literal

Size = int | Sequence[int]
PaddingName = Literal["valid", "same", "same_lower", "full", "causal"]
PaddingArgument = int | Sequence[int | Sequence[int]] | PaddingName
ModeName = Literal["zeros", "reflect", "symmetric", "replicate", "circular"]
PaddingMode = ModeName | int | float | complex
