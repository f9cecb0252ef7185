"""One console with its worker for all tests of pages, beside the Prefect server of all tests."""

from collections.abc import Iterator

import pytest

from flows.server import api as server
from tests.browser_fixture import Browser
from tests.browser_fixture import browser as browser
from tests.flows.conftest import empty_pool
from tests.flows.console.served import Console, served
from tests.flows.console_pages.journey import first_visit


@pytest.fixture(scope="package")
def pages(prefect_server: server.Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """As `chaoslab console` serves them."""
    empty_pool(prefect_server)
    with served(tmp_path_factory.mktemp("pages") / "runs", worker=True) as console:
        yield console


@pytest.fixture(scope="package")
def judged(pages: Console, browser: Browser) -> str:
    """The id of a run that somebody started and followed in the pages, up to its verdict."""
    return first_visit(pages, browser)
