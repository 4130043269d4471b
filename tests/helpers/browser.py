"""Visitors of the pages, and small steps that browser tests share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect

#: How long a page may take for anything. It only ends what hangs: a machine may be slow.
WAIT_MS = 90_000
expect.set_options(timeout=WAIT_MS)
_PERMISSIONS = ["microphone"]


class Visitors:
    """Visitors of one browser; nobody finds anything of who was there before.

    Who comes takes the seat of one that left, where their browsers are alike: at a new one all of Gradio's scripts
    would be fetched and compiled once more, which is most of what a short test costs.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[str, list[Page]] = {}

    @contextmanager
    def one(self, *, script: str = "", clock: bool = False, **options: Any) -> Iterator[Page]:
        """A page. ``script`` runs before those of each page that it shows.

        ``clock``: the test sets it, and nobody can take the seat afterwards.
        """
        free = self._free.setdefault(repr((script, clock, sorted(options.items()))), [])
        page = free.pop() if free else self._new(script, options)
        try:
            yield page
            if not clock:
                _clear(page)
                free.append(page)
        finally:
            if page not in free:
                page.context.close()

    def _new(self, script: str, options: dict[str, Any]) -> Page:
        context = self._browser.new_context(permissions=_PERMISSIONS, **options)
        context.set_default_timeout(WAIT_MS)
        if script:
            context.add_init_script(script)
        return context.new_page()


def _clear(page: Page) -> None:
    """Leaves an address of the same server, so that what runs there ends and what it kept can be cleared."""
    page.unroute_all(behavior="ignoreErrors")
    place = urlsplit(page.url)
    page.goto(f"{place.scheme}://{place.netloc}/healthz")
    page.evaluate("sessionStorage.clear(); localStorage.clear()")
    page.context.clear_cookies()
    page.context.clear_permissions()
    page.context.grant_permissions(_PERMISSIONS)


def go(page: Page, url: str) -> None:
    """Opens an address and waits until Gradio has connected the page: the model chip is the server's first word."""
    page.goto(url)
    page.wait_for_selector(".asr-chip")


def upload(page: Page, path: Path) -> None:
    """Puts a file into the empty upload field."""
    page.set_input_files("#asr-upload input[type=file]", path)
    page.wait_for_selector("#asr-upload .file-preview")


def set_slider(page: Page, slider: str, value: str) -> None:
    """Types a number, until the slider follows: one that is typed while Gradio still draws the field is lost."""
    number, rail = page.locator(f"{slider} input[type=number]"), page.locator(f"{slider} input[type=range]")
    for _ in range(20):
        number.fill(value)
        number.press("Enter")
        page.wait_for_timeout(1_000)
        if (number.input_value(), rail.input_value()) == (value, value):
            return
    raise AssertionError(f"{slider} does not keep {value}")


def recognise(page: Page, path: Path) -> None:
    """Uploads a file and waits for its text."""
    upload(page, path)
    page.click("#asr-start")
    page.wait_for_selector(".asr-result")


def send(page: Page, server_url: str, path: Path, **form: str) -> dict[str, Any]:
    """Through the API, as the page's visitor."""
    sent = {"name": path.name, "mimeType": "audio/wav", "buffer": path.read_bytes()}
    fields: dict[str, Any] = {"file": sent, **form}
    answer = page.request.post(f"{server_url}/v1/recognitions?wait=60", multipart=fields, timeout=WAIT_MS)
    assert answer.ok
    return answer.json()


def badge(page: Page) -> str | None:
    """``miss``, ``hit`` or ``shared``."""
    return page.locator("#asr-panel .asr-badge[data-badge]").get_attribute("data-badge")
