"""中/EN takes along what was prepared on the 识别 page, or asks before it is lost."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from tests.helpers.browser import set_slider, upload
from tests.helpers.calls import two_people
from tests.helpers.speech import write_wav

Visit = Callable[..., AbstractContextManager[Page]]
Recording = Callable[..., Path]


def switch(page: Page, start: str) -> None:
    page.click("[data-language-toggle]")
    expect(page.locator("#asr-start")).to_have_text(start)
    page.wait_for_selector(".asr-chip")


def test_the_file_the_hotwords_and_every_option_stay(visit: Visit, tmp_path: Path) -> None:
    call = write_wav(tmp_path / '我的 "电话".wav', two_people())
    with visit("/") as page:
        upload(page, call)
        page.fill("#asr-hotwords textarea", "空调\n李敬")
        page.locator("#asr-language input").click()
        page.get_by_role("option", name="英语").click()
        page.locator("#asr-channels input").click()
        page.get_by_role("option", name="合并").click()
        page.locator("#asr-itn input").uncheck()
        page.get_by_text("高级").click()
        set_slider(page, "#asr-end-silence", "1.5")

        for start, language, channels in (("Recognise", "English", "Mix"), ("开始识别", "英语", "合并")):
            switch(page, start)
            expect(page.locator("#asr-upload .file-preview")).to_contain_text("电话")
            expect(page.locator(".asr-facts")).to_contain_text("00:19")
            expect(page.locator("#asr-hotwords textarea")).to_have_value("空调\n李敬")
            expect(page.locator("#asr-language input")).to_have_value(language)
            expect(page.locator("#asr-channels input")).to_have_value(channels)
            expect(page.locator("#asr-itn input")).not_to_be_checked()
            expect(page.locator("#asr-end-silence input[type=number]")).to_have_value("1.5")
            expect(page.locator("#asr-end-silence")).to_be_visible()  # 高级 is open as before
        page.click("#asr-start")
        page.wait_for_selector("#asr-panel .asr-result")
        page.click(".asr-details summary")
        for told in (call.name, "不做文本规整", "静音 1.5 秒", "声道：合并", "李敬"):
            expect(page.locator(".asr-details dl")).to_contain_text(told)
        page.reload()  # that is no switch: the form is empty then
        page.wait_for_selector("#asr-panel .asr-result")
        expect(page.locator("#asr-hotwords textarea")).to_have_value("")
        expect(page.locator("#asr-upload .file-preview")).to_have_count(0)


def test_a_take_stays_and_one_that_is_not_finished_is_asked_about(visit: Visit) -> None:
    with visit("/") as page:
        page.get_by_role("tab", name="录音").click()
        page.click("#asr-microphone .record-button")
        page.wait_for_selector("#asr-microphone .stop-button:visible")
        page.click("[data-language-toggle]")
        dialog = page.locator(".asr-dialog")
        expect(dialog).to_contain_text("切换语言会丢掉它")
        dialog.get_by_role("button", name="取消").click()
        page.wait_for_timeout(1000)  # what is recorded is the passing of time
        page.click("#asr-microphone .stop-button")
        expect(page.locator(".asr-facts")).to_be_visible()
        switch(page, "Recognise")
        expect(page.get_by_role("tab", name="Record")).to_have_attribute("aria-selected", "true")
        expect(page.locator("#asr-microphone .play-pause-button")).to_be_visible()
        expect(page.locator(".asr-facts")).to_be_visible()
        page.click("#asr-start")
        page.wait_for_selector("#asr-panel .asr-result")


def test_an_upload_under_way_is_waited_for(visit: Visit, recording: Recording) -> None:
    held: list[Route] = []
    with visit("/", locale="en-US") as page:
        page.route(re.compile(r"/gradio_api/upload\?"), lambda route: held.append(route))
        page.set_input_files("#asr-upload input[type=file]", recording("still-coming.wav"))
        page.wait_for_selector("#asr-upload .uploading")
        page.click("[data-language-toggle]")
        expect(page.locator(".asr-toast")).to_contain_text("once the file has arrived")
        expect(page.locator("#asr-start")).to_have_text("Recognise")
        held.pop().continue_()
        expect(page.locator("#asr-start")).to_have_text("开始识别")
        expect(page.locator("#asr-upload .file-preview")).to_contain_text("still-coming")


def test_other_pages_switch_at_once(visit: Visit) -> None:
    with visit("/nodes", locale="en-US") as page:
        page.click("[data-language-toggle]")
        expect(page.locator(".asr-sentence")).to_have_text("一切正常")
