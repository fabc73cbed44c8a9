"""A real headless Chromium for the tests of the page; missing, it is treated like any other missing peer."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.peers import missing, peer

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Without the networking flags Chromium asks its maker's servers for updates at every start."""


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield a running browser."""
    playwright = peer("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        missing("chromium", "apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()
