from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

# Without these the browser would speak to its maker's servers.
QUIET = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One browser for all tests of pages; they are skipped where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="pages are looked at with playwright, which is not here")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("pages are looked at with chromium, which is not here")
    with api.sync_playwright() as playwright:
        # Containers give the browser no sandbox of its own; it opens nothing but the project's pages.
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu", *QUIET])
        yield started
        started.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which a package for Python brings along."""
    pytest.importorskip("axe_playwright_python", reason="accessibility is checked with axe-core, which is not here")
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
