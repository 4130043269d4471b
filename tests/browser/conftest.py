"""A real browser on the real server. Every page test also checks that no script failed and nothing left the machine."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.helpers.browser import go
from tests.helpers.speech import RATE, say, talk, write_wav

CHROMIUM = Path("/usr/bin/chromium")
#: The fake microphone plays the file that takes this place.
_ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --use-fake-device-for-media-stream --use-fake-ui-for-media-stream"
).split()
WAIT_MS = 30_000

Visit = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="module")
def browser(speech_wav: Path) -> Iterator[Browser]:
    """One browser a module: playwright's loop must have ended before other tests run theirs."""
    if not CHROMIUM.exists():
        pytest.fail("chromium is missing: apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=[*_ARGUMENTS, f"--use-file-for-fake-audio-capture={speech_wav}"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def visit(browser: Browser, server_url: str) -> Visit:
    """``with visit("/history", locale="en-US") as page``: a visitor of its own, with its own cookie.

    On this machine everybody is an administrator and sees all that others did; a visitor who comes through a proxy
    is not. ``admin=True`` leaves the proxy out. ``script`` runs before those of the page.
    """

    @contextmanager
    def opened(
        path: str = "/", *, locale: str = "zh-CN", admin: bool = False, script: str = "", **context: object
    ) -> Iterator[Page]:
        if not admin:
            context["extra_http_headers"] = {"x-forwarded-for": "192.0.2.7"}
        visitor = browser.new_context(locale=locale, permissions=["microphone"], **context)  # pyright: ignore[reportArgumentType]
        visitor.set_default_timeout(WAIT_MS)
        if script:
            visitor.add_init_script(script)
        page = visitor.new_page()
        failures: list[str] = []
        page.on("pageerror", lambda error: failures.append(f"script: {error}"))
        page.on("request", lambda request: _check_address(request.url, server_url, failures))
        go(page, server_url + path)
        yield page
        visitor.close()
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
    """``recording("a.wav", seed)``: what nobody has sent yet; ``repeats`` makes it long enough to watch."""
    folder = tmp_path_factory.mktemp("recordings")

    def make(name: str, *, repeats: int = 1, level: float = 30.0) -> Path:
        once = talk(say("今天是二零二五年三月五号"), say("请打开空调"), level=level)
        return write_wav(folder / name, np.tile(once, repeats), RATE)

    return make


def _check_address(url: str, server_url: str, failures: list[str]) -> None:
    if not url.startswith((server_url, "data:", "blob:")):
        failures.append(f"request to {url}")
