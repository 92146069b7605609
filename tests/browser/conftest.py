"""Tests in a browser: `make browser`. The plain `pytest` leaves them out, as they need Chromium and take minutes."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # last, as other tests import the conftest above

import chromium
import lab


def pytest_ignore_collect(collection_path, config):
    """Collect this folder only where the command line names it."""
    named = any(Path(arg.split("::")[0]).resolve().is_relative_to(Path(__file__).parent) for arg in config.args)
    return None if named else True


@pytest.fixture(scope="session")
def browser():
    """Chromium; without it the run fails."""
    from playwright.sync_api import sync_playwright

    try:
        path = chromium.needed()
    except SystemExit as error:
        pytest.exit(str(error), returncode=1)
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, headless=True, args=chromium.FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A running JupyterLab over a copy of the notebooks."""
    with lab.Server(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="module")
def tab(browser, server):
    """A tab of the browser in which the tests of a file work, one after another."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield lab.Tab(context.new_page(), server)
    context.close()
