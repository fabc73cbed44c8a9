"""What a page shows in Python is run as doctests: all of it, or its fences of Python alone."""

import doctest
import re

FENCE = re.compile(r"^```.*$", re.MULTILINE)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def run_page(text: str, least: int) -> None:
    """Run the examples of a page that shows nothing but Python; there are so many at least."""
    # A fence right after the expected output would be taken for a part of it.
    examples = doctest.DocTestParser().get_doctest(FENCE.sub("", text), {}, "page", "page", 0)
    assert len(examples.examples) >= least
    assert doctest.DocTestRunner(optionflags=FLAGS).run(examples).failed == 0


def run_python(text: str, least: int) -> None:
    """Run the examples in the fences of Python, one after the other, whatever else a page shows."""
    run_page("\n".join(PYTHON.findall(text)), least)
