"""A telephone call on the 识别 page: what the file is, how its channels are taken, and who said what."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.conftest import Visit
from tests.helpers.browser import upload
from tests.helpers.calls import TURNS, two_people
from tests.helpers.speech import say, silence, write_wav


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("call") / "call.wav", two_people())


def remove_file(page: Page) -> None:
    page.locator("#asr-upload button").first.click()
    page.wait_for_selector("#asr-upload input[type=file]", state="attached")


def take_as_one(page: Page) -> None:
    page.locator("#asr-channels input").click()
    page.get_by_role("option", name="Mix").click()


def record(page: Page) -> None:
    page.get_by_role("tab", name="Record").click()
    page.click("#asr-microphone .record-button")
    page.wait_for_selector("#asr-microphone .stop-button:visible")
    page.wait_for_timeout(1000)  # what is recorded is the passing of time
    page.click("#asr-microphone .stop-button")
    page.wait_for_selector("#asr-microphone .play-pause-button")


def test_a_chosen_file_says_what_it_is_and_a_call_who_spoke(visit: Visit, call: Path) -> None:
    with visit("/") as page:
        expect(page.locator("#asr-channels")).to_be_hidden()
        upload(page, call)
        expect(page.locator(".asr-facts")).to_have_text("16 kHz · 立体声 · 00:19")
        expect(page.locator("#asr-channels")).to_be_visible()
        page.click("#asr-start")
        page.wait_for_selector(".asr-result")
        lines = page.locator("#asr-panel .asr-lines li")
        expect(lines).to_have_count(len(TURNS))
        for line, (channel, _, text) in zip(lines.all(), TURNS, strict=True):
            expect(line.locator(".asr-who")).to_have_text(("坐席", "客户")[channel])
            expect(line.locator(".asr-text.written")).to_have_text(text)


def test_the_channels_can_be_taken_as_one(visit: Visit, call: Path) -> None:
    with visit("/", locale="en-US") as page:
        upload(page, call)
        take_as_one(page)
        page.click("#asr-start")
        page.wait_for_selector(".asr-result")
        expect(page.locator("#asr-panel .asr-lines li").first).to_be_visible()
        expect(page.locator("#asr-panel .asr-who", has_text=re.compile("Agent|Customer"))).to_have_count(0)


def test_mono_has_no_channels_to_choose_and_the_choice_goes_with_the_file(
    visit: Visit, call: Path, tmp_path: Path
) -> None:
    mono = write_wav(tmp_path / "mono.wav", say("任务已经完成")[::2], rate=8000)
    with visit("/") as page:
        upload(page, call)
        expect(page.locator("#asr-channels")).to_be_visible()
        remove_file(page)
        expect(page.locator(".asr-facts")).to_have_count(0)
        expect(page.locator("#asr-channels")).to_be_hidden()
        upload(page, mono)
        expect(page.locator(".asr-facts")).to_have_text("8 kHz · 单声道 · 00:02")
        expect(page.locator("#asr-channels")).to_be_hidden()


def test_a_file_that_cannot_be_read_says_why_without_a_window(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "call.vox").write_bytes(bytes(range(7, 256, 3)) * 50)
    with visit("/") as page:
        upload(page, tmp_path / "call.vox")
        expect(page.locator(".asr-facts.unreadable")).to_contain_text("ffmpeg -f u8 -c:a adpcm_ima_oki -ar 8000")
        expect(page.locator(".toast-body, .asr-toast.shown")).to_have_count(0)


def test_a_file_that_cannot_be_read_is_not_sent(visit: Visit, call: Path, tmp_path: Path) -> None:
    (tmp_path / "call.vox").write_bytes(bytes(range(7, 256, 3)) * 50)
    with visit("/") as page:
        upload(page, tmp_path / "call.vox")
        page.wait_for_selector(".asr-facts.unreadable")
        for start in (lambda: page.click("#asr-start"), lambda: page.keyboard.press("Control+Enter")):
            start()
            expect(page.locator(".asr-toast")).to_contain_text("没有文件头")
            page.wait_for_timeout(500)  # what must not happen has no event
            page.evaluate("document.querySelector('.asr-toast').remove()")
        assert "?r=" not in page.url
        expect(page.locator("#asr-panel .asr-running, #asr-panel .asr-failure, #asr-recent .asr-row")).to_have_count(0)
        remove_file(page)
        upload(page, call)
        page.click("#asr-start")  # at once: what was said of the file before is no reason any more
        page.wait_for_selector("#asr-panel .asr-result")


def test_a_file_that_is_cut_off_says_so_from_the_beginning_to_the_history(visit: Visit, tmp_path: Path) -> None:
    whole = write_wav(tmp_path / "whole.wav", say("任务已经完成")).read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) * 2 // 3])
    with visit("/") as page:
        upload(page, tmp_path / "cut.wav")
        expect(page.locator(".asr-facts")).to_contain_text("文件不完整")
        page.click("#asr-start")
        expect(page.locator("#asr-panel .asr-warning")).to_contain_text("文件不完整")
        expect(page.locator("#asr-recent .asr-row")).to_contain_text("文件不完整")


def test_a_length_is_the_same_below_the_file_in_the_player_and_in_the_list(visit: Visit, tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "x.wav", np.concatenate([say("任务已经完成"), silence(9)])[: int(6.6 * 16_000)])
    with visit("/") as page:
        upload(page, sound)
        expect(page.locator(".asr-facts")).to_contain_text("00:07")
        page.click("#asr-start")
        page.wait_for_function("document.querySelector('asr-player')?.audio.duration")
        expect(page.locator("asr-player .time")).to_have_text("00:00 / 00:07")
        expect(page.locator("#asr-recent .asr-row .long")).to_have_text("7 秒")


@pytest.mark.parametrize(("locale", "hint"), [("zh-CN", "左声道为坐席、右声道为客户"), ("en-US", "left is the agent")])
def test_the_choice_of_channels_says_what_it_does(visit: Visit, call: Path, locale: str, hint: str) -> None:
    with visit("/", locale=locale) as page:
        upload(page, call)
        expect(page.locator("#asr-channels")).to_contain_text(hint)


def test_again_takes_the_channels_as_before_where_the_form_does_not_ask(visit: Visit, call: Path) -> None:
    with visit("/", locale="en-US") as page:
        upload(page, call)
        take_as_one(page)
        page.click("#asr-start")
        page.wait_for_selector(".asr-result")
        first = page.evaluate("asr.recognitionInAddress()")
        page.reload()
        page.wait_for_selector(".asr-result")
        expect(page.locator("#asr-channels")).to_be_hidden()
        page.locator("#asr-panel [data-event=again]").click()
        page.wait_for_selector(f".asr-result:not([data-id='{first}'])")
        expect(page.locator("#asr-panel .asr-who", has_text=re.compile("Agent|Customer"))).to_have_count(0)


def test_a_choice_of_channels_goes_with_its_file(visit: Visit, call: Path) -> None:
    with visit("/", locale="en-US") as page:
        upload(page, call)
        take_as_one(page)
        remove_file(page)
        expect(page.locator("#asr-channels")).to_be_hidden()
        upload(page, call)
        expect(page.locator("#asr-channels input")).to_have_value("Automatic")


def test_a_choice_of_channels_stays_when_the_page_looks_again(visit: Visit, call: Path) -> None:
    held: list[Route] = []
    with visit("/", locale="en-US") as page:
        record(page)
        expect(page.locator(".asr-facts")).to_be_visible()
        microphone = page.evaluate("gradio_config.components.find(one => one.props.elem_id === 'asr-microphone').id")

        def by_microphone(request: Request) -> bool:
            return "queue/join" in request.url and (request.post_data_json or {}).get("trigger_id") == microphone

        # A file empties the microphone, and what the page asks because of that comes late, as on a slow line.
        page.route("**/queue/join*", lambda at: held.append(at) if by_microphone(at.request) else at.continue_())
        page.get_by_role("tab", name="Upload").click()
        with page.expect_request(by_microphone):
            upload(page, call)
        take_as_one(page)
        with page.expect_response(lambda answer: by_microphone(answer.request)):
            held.pop().continue_()
        page.wait_for_timeout(1000)  # what must not happen has no event
        expect(page.locator("#asr-channels input")).to_have_value("Mix")
