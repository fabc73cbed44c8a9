"""`explain`: every step of a convolution with its own numbers, as data, text, page, picture and animation.

Read `api` (what callers write), `steps` (one step as data), `explanation` (all of them), then the renderers,
which all draw from that one piece of data: `text`, `json`, `html`, and `scene` with `svg`, `gif`, `plot`.
"""

import sys
from types import ModuleType
from typing import Any


class _CallableRoom(ModuleType):
    """Lets ``convolve.explain(...)`` mean the function also when one of these modules was imported first.

    Python puts this package into ``convolve`` under the name that the function has there.
    """

    def __call__(self, *args: Any, **options: Any) -> Any:
        from convolve.explain.api import explain  # api imports this package: a cycle if done above

        return explain(*args, **options)


sys.modules[__name__].__class__ = _CallableRoom
