"""An explanation as one page that needs nothing else: no server, no network, no Python.

The page's program and style are built from ``web/`` and shipped in ``assets``; the numbers travel inside
the page as JSON. Its content security policy allows exactly these two texts, by their hashes, and no
connection to anywhere. Without JavaScript the page is the text.
"""

import base64
import hashlib
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from convolve.errors import FileMissingError
from convolve.explain.json import to_json
from convolve.explain.scene import check_drawable

if TYPE_CHECKING:
    from convolve.explain.explanation import Explanation

LARGEST_TEXT = 200
"""Steps that the page without JavaScript tells one by one; of more, the first and the result."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main id="app"></main>
<noscript><pre>{text}</pre></noscript>
<script type="application/json" id="explanation">{data}</script>
<script type="module">{program}</script>
</body>
</html>
"""


def to_html(explanation: "Explanation") -> str:
    """Return the page."""
    check_drawable(explanation, "a page")
    data = to_json(explanation)
    style, program = _style(asset("explain.css")), _program(asset("explain.js"))
    every = len(explanation.steps) <= LARGEST_TEXT
    return PAGE.format(
        policy=policy(style, program),
        title=escape(f"{explanation.title} · convolve"),
        style=style,
        text=escape(explanation.to_text(all=every)),
        data=data.replace("<", "\\u003c"),
        program=program,
    )


def policy(style: str, program: str) -> str:
    """Return the content security policy that allows these two texts and pictures made in the page."""
    return (
        f"default-src 'none'; script-src 'sha256-{_digest(program)}'; style-src 'sha256-{_digest(style)}'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def asset(name: str) -> str:
    """Return a built text that ships with the package."""
    path = resources.files("convolve.explain").joinpath("assets", name)
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileMissingError(
            f"a page needs its built program, but {name} is missing from convolve/explain/assets; install "
            "convolve again, or in a clone build it: cd web && npm ci && npm run build"
        ) from None


def _program(text: str) -> str:
    """Return a program that cannot end its own script element early."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _style(text: str) -> str:
    return text.replace("</style", "<\\/style")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
