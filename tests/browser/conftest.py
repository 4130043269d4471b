"""A real browser on the real server. Every page test also checks that no script failed and nothing left the machine."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Error, Page, Request, sync_playwright

from tests.helpers.browser import Visitors, go
from tests.helpers.levels import fresh_level
from tests.helpers.speech import RATE, say, talk, write_wav

CHROMIUM = Path("/usr/bin/chromium")
#: The fake microphone plays the file that takes this place.
_ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --use-fake-device-for-media-stream --use-fake-ui-for-media-stream"
).split()

Visit = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="package")
def browser(speech_wav: Path) -> Iterator[Browser]:
    """One browser for all of this folder: playwright's loop must have ended before other tests run theirs."""
    if not CHROMIUM.exists():
        pytest.fail("chromium is missing: apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=[*_ARGUMENTS, f"--use-file-for-fake-audio-capture={speech_wav}"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def visit(browser: Browser, server_url: str) -> Visit:
    """``with visit("/history", locale="en-US") as page``: a visitor of its own, with its own cookie.

    On this machine everybody is an administrator and sees all that others did; a visitor who comes through a proxy
    is not. ``admin=True`` leaves the proxy out. What else may be said of the visitor: ``Visitors.one``.
    """
    visitors = Visitors(browser)

    @contextmanager
    def opened(path: str = "/", *, locale: str = "zh-CN", admin: bool = False, **visitor: Any) -> Iterator[Page]:
        if not admin:
            visitor["extra_http_headers"] = {"x-forwarded-for": "192.0.2.7"}
        failures: list[str] = []

        def failed(error: Error) -> None:
            failures.append(f"script: {error}")

        def asked(request: Request) -> None:
            _check_address(request.url, server_url, failures)

        with visitors.one(locale=locale, **visitor) as page:
            page.on("pageerror", failed)
            page.on("request", asked)
            go(page, server_url + path)
            yield page
            page.remove_listener("pageerror", failed)
            page.remove_listener("request", asked)
        assert failures == []

    return opened


@pytest.fixture
def page_zh(visit: Visit) -> Iterator[Page]:
    with visit("/") as page:
        yield page


@pytest.fixture
def page_en(visit: Visit) -> Iterator[Page]:
    with visit("/", locale="en-US") as page:
        yield page


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``recording("a.wav")``: what nobody has sent yet; ``repeats`` makes it long enough to watch.

    Twice with the same ``level`` it is one sound under two names.
    """
    folder = tmp_path_factory.mktemp("recordings")

    def make(name: str, *, repeats: int = 1, level: float | None = None) -> Path:
        once = talk(say("今天是二零二五年三月五号"), say("请打开空调"), level=level or fresh_level())
        return write_wav(folder / name, np.tile(once, repeats), RATE)

    return make


def _check_address(url: str, server_url: str, failures: list[str]) -> None:
    if not url.startswith((server_url, "data:", "blob:")):
        failures.append(f"request to {url}")
