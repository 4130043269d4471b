"""A page that is open while the server is away says so, and goes on by itself when it is back."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.helpers.browser import WAIT_MS, Visitors, go, upload
from tests.helpers.server import Server

Recording = Callable[..., Path]


@pytest.mark.long
def test_what_was_under_way_is_followed_again_after_a_restart(
    browser: Browser, recording: Recording, tmp_path: Path
) -> None:
    server = Server(tmp_path / "data").start()
    context = browser.new_context(locale="zh-CN")
    context.set_default_timeout(WAIT_MS)
    try:
        page = context.new_page()
        go(page, server.url)
        upload(page, recording("很慢.wav", repeats=60))
        page.click("#asr-start")
        page.wait_for_selector(".asr-lines.live li")
        address, port = page.url, str(urlsplit(server.url).port)
        assert "?r=" in address

        server.kill()
        bar = page.locator(".asr-server-lost")
        expect(bar).to_have_text("服务器没有回应，正在重连…")
        expect(page.locator(".toast-wrap .toast-body:visible")).to_have_count(0)

        server = Server(tmp_path / "data", ("serve", "--port", port)).start()
        expect(bar).to_have_count(0)
        expect(page.locator("#asr-panel")).to_contain_text("很慢.wav")
        assert page.url == address
        # And the page works as before.
        if page.locator("#asr-cancel").is_visible():
            page.click("#asr-cancel")
        expect(page.locator("#asr-panel :is(.asr-result, .asr-failure)").first).to_be_visible()
        expect(page.locator("#asr-start")).to_be_visible()
    finally:
        context.close()
        server.stop()


@pytest.mark.long
def test_pages_at_rest_and_at_the_microphone_go_on_after_a_gap_and_a_restart(browser: Browser, tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    context = browser.new_context(locale="en-US")
    recording = browser.new_context(locale="zh-CN", permissions=["microphone"])
    for each in (context, recording):
        each.set_default_timeout(WAIT_MS)
    try:
        page, take = context.new_page(), recording.new_page()
        go(page, server.url)
        page.fill("#asr-hotwords textarea", "mine")
        bar = page.locator(".asr-server-lost")
        context.set_offline(True)
        expect(bar).to_have_text("The server does not answer; reconnecting…")
        context.set_offline(False)
        expect(bar).to_have_count(0)
        expect(page.locator("#asr-hotwords textarea")).to_have_value("mine")

        go(take, server.url)
        take.get_by_role("tab", name="录音").click()
        take.locator("#asr-microphone .record-button").click()
        expect(take.locator("#asr-microphone .stop-button")).to_be_visible()
        take.evaluate("window.here = true")

        server.kill()
        for lost in (bar, take.locator(".asr-server-lost")):
            expect(lost).to_be_visible(timeout=20_000)
        server = Server(tmp_path / "data", ("serve", "--port", str(urlsplit(server.url).port))).start()
        for lost in (bar, take.locator(".asr-server-lost")):
            expect(lost).to_have_count(0)
        expect(page.locator("#asr-hotwords textarea")).to_have_value("")
        expect(page.locator(".asr-banner")).to_be_visible()
        page.locator("#asr-samples [data-event=sample]").first.click()
        expect(page.locator(".asr-result")).to_contain_text("numbers")

        assert take.evaluate("window.here") is True, "while it records"
        take.locator("#asr-microphone .stop-button").click()
        take.wait_for_selector("#asr-microphone .play-pause-button")
        take.wait_for_timeout(6_000)  # one more look at the server
        assert take.evaluate("window.here") is True
        take.click("#asr-start")
        expect(take.locator(".asr-result")).to_be_visible()
        assert take.evaluate("window.here") is True
    finally:
        context.close()
        recording.close()
        server.stop()


def test_one_look_that_fails_is_no_reason_to_start_anew(browser: Browser, server_url: str) -> None:
    with Visitors(browser).one(locale="zh-CN") as page:
        go(page, server_url)
        page.evaluate("window.here = true; document.body.insertAdjacentHTML('beforeend', '<i class=asr-running></i>')")
        page.route("**/healthz", lambda route: route.abort(), times=1)
        with page.expect_event("requestfailed", lambda request: "/healthz" in request.url):
            pass
        with page.expect_response("**/healthz"):
            pass
        page.wait_for_timeout(1_000)  # a page that starts anew has begun by then
        assert page.evaluate("window.here") is True
