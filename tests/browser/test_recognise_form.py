"""The form of the 识别 page and what stands around it: samples, limits, microphone, the old result, long texts."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.helpers.browser import recognise, set_slider, upload
from tests.helpers.server import Server

Visit = Callable[..., AbstractContextManager[Page]]
Recording = Callable[..., Path]


def test_the_form_is_as_before_the_sample_when_an_own_recording_comes(page_zh: Page, recording: Recording) -> None:
    words, language = page_zh.locator("#asr-hotwords textarea"), page_zh.locator("#asr-language input")
    page_zh.fill("#asr-hotwords textarea", "空调")
    samples = page_zh.locator("#asr-samples [data-event=sample]")
    for index, expected in ((1, "李敬"), (0, "")):  # one sample after the other
        samples.nth(index).click()
        expect(words).to_have_value(expected)
        expect(page_zh.locator("#asr-panel .asr-result")).to_contain_text(("numbers.flac", "hotword.flac")[index])
        expect(page_zh.locator("#asr-start")).to_be_visible()
    expect(language).to_have_value("中文")
    page_zh.click("#asr-upload .top-panel button")
    expect(page_zh.locator(".asr-result")).to_be_visible()  # nothing else was chosen
    upload(page_zh, recording("自己.wav"))
    expect(words).to_have_value("空调")
    expect(language).to_have_value("自动")

    samples.nth(1).click()
    page_zh.wait_for_selector(".asr-result")
    page_zh.fill("#asr-hotwords textarea", "北京")
    page_zh.click("#asr-upload .top-panel button")
    upload(page_zh, recording("自己二.wav"))
    expect(language).to_have_value("自动")
    expect(words).to_have_value("北京")


def test_a_new_file_takes_the_old_result_away(page_zh: Page, recording: Recording) -> None:
    recognise(page_zh, recording("先.wav"))
    page_zh.click("#asr-upload .top-panel button")
    expect(page_zh.locator(".asr-result")).to_be_visible()
    upload(page_zh, recording("后.wav"))
    expect(page_zh.locator(".asr-result")).to_have_count(0)
    assert "?r=" not in page_zh.url
    expect(page_zh.locator("#asr-recent")).to_contain_text("先.wav")
    page_zh.click("#asr-start")
    expect(page_zh.locator(".asr-result")).to_contain_text("后.wav")


def test_a_new_file_leaves_what_is_under_way(page_zh: Page, recording: Recording) -> None:
    upload(page_zh, recording("慢.wav", repeats=40))
    page_zh.click("#asr-start")
    page_zh.wait_for_selector(".asr-lines.live li")
    expect(page_zh.locator("#asr-recent")).to_contain_text("慢.wav")
    expect(page_zh.locator("#asr-cancel")).to_be_visible()
    address = page_zh.url
    page_zh.click("#asr-upload .top-panel button")
    upload(page_zh, recording("后来.wav"))
    page_zh.click("#asr-cancel")
    expect(page_zh.locator(".asr-result.unfinished")).to_contain_text("慢.wav")
    assert page_zh.url == address


def test_repeated_hits_are_one_line(page_zh: Page, recording: Recording, server_url: str) -> None:
    path = recording("常问.wav")
    recognise(page_zh, path)
    for _ in range(3):
        sent = {"name": path.name, "mimeType": "audio/wav", "buffer": path.read_bytes()}
        assert page_zh.request.post(f"{server_url}/v1/recognitions", multipart={"file": sent}).ok
    page_zh.reload()
    expect(page_zh.locator("#asr-recent .asr-row")).to_have_count(2)
    expect(page_zh.locator("#asr-recent .asr-row").first).to_contain_text("×3")


@pytest.mark.parametrize(
    ("locale", "kind", "error"), [("zh-CN", "提示", "没有成功"), ("en-US", "Note", "That did not work")]
)
def test_messages_and_titles_speak_the_readers_language(visit: Visit, locale: str, kind: str, error: str) -> None:
    with visit("/", locale=locale) as page:
        name = "语音识别" if locale == "zh-CN" else "Speech recognition"
        expect(page).to_have_title(name)
        shown = "() => getComputedStyle(document.querySelector('.toast-title'), '::before').content"
        made = "kind => document.body.insertAdjacentHTML('beforeend', `<span class='toast-title ${kind}'></span>`)"
        for toast, text in (("info", kind), ("error", error)):
            page.evaluate("document.querySelector('.toast-title')?.remove()")
            page.evaluate(made, toast)
            assert page.evaluate(shown) == f'"{text}"'
    with visit("/history", locale=locale) as page:
        expect(page).to_have_title(f"{'历史' if locale == 'zh-CN' else 'History'} · {name}")


def test_the_upload_field_says_what_it_takes(page_zh: Page, page_en: Page) -> None:
    field = page_zh.locator("#asr-upload .upload-container")
    expect(field).to_have_attribute("aria-label", re.compile("拖入音频，或点击选择（.*最大 1 GB · 最长 1 小时）"))
    shown = "field => getComputedStyle(field, '::after').content"
    assert "最长 1 小时" in field.evaluate(shown)
    assert "up to 1 h" in page_en.locator("#asr-upload .upload-container").evaluate(shown)


@pytest.mark.parametrize(("locale", "said"), [("zh-CN", "正在上传…"), ("en-US", "Uploading…")])
def test_a_slow_upload_speaks_the_readers_language(visit: Visit, recording: Recording, locale: str, said: str) -> None:
    with visit(locale=locale) as page:
        slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 20_000}
        connection = page.context.new_cdp_session(page)
        connection.send("Network.emulateNetworkConditions", slow)
        page.set_input_files("#asr-upload input[type=file]", recording("慢.wav"))
        line = page.locator("#asr-upload .uploading")
        expect(line).to_be_visible()
        shown = line.evaluate("it => [getComputedStyle(it).fontSize, getComputedStyle(it, '::after').content]")
        assert shown == ["0px", f'"{said}"']
        connection.detach()


def test_the_address_of_the_chosen_file_stays_out_of_sight(page_zh: Page, recording: Recording) -> None:
    upload(page_zh, recording("路径.wav"))
    expect(page_zh.locator("#asr-upload a")).not_to_be_visible()


def test_a_long_text_scrolls_in_itself_and_follows_the_player(page_zh: Page, recording: Recording) -> None:
    recognise(page_zh, recording("很长.wav", repeats=30))
    texts = page_zh.locator(".asr-lines")
    assert texts.evaluate("list => list.scrollHeight > list.clientHeight + 500")
    assert "gradient" in texts.evaluate("list => getComputedStyle(list).backgroundImage"), "more comes below"
    assert page_zh.evaluate("document.documentElement.scrollHeight") < 2500
    page_zh.mouse.move(5, 5)
    last = page_zh.locator(".asr-lines li").last
    expect(last).not_to_be_in_viewport()
    page_zh.evaluate(
        "() => { const player = document.querySelector('asr-player');"
        "const lines = document.querySelectorAll('.asr-lines li');"
        "player.seek(Number(lines[lines.length - 1].dataset.start) / 1000, true); }"
    )
    page_zh.wait_for_selector(".asr-lines li:last-child[data-now]")
    page_zh.wait_for_function("document.querySelector('.asr-lines').scrollTop > 500")


def test_a_computer_without_microphone_is_told(visit: Visit) -> None:
    nothing = "navigator.mediaDevices.enumerateDevices = async () => []"
    with visit("/", script=nothing) as page:
        page.get_by_role("tab", name="录音").click()
        expect(page.get_by_text("没有找到麦克风")).to_be_visible()
        expect(page.locator("#asr-microphone")).not_to_be_visible()


def test_the_sliders_count_in_seconds(page_zh: Page, recording: Recording) -> None:
    page_zh.get_by_text("高级").click()
    set_slider(page_zh, "#asr-max-segment", "5")
    recognise(page_zh, recording("滑块.wav"))
    page_zh.click(".asr-details summary")
    expect(page_zh.locator(".asr-details dl")).to_contain_text("最长 5 秒")


@pytest.mark.parametrize(
    ("locale", "advanced", "names"),
    [
        ("zh-CN", "高级", ["最长片段（秒）：数值", "最长片段（秒）：恢复默认值", "最长片段（秒）：滑块"]),
        (
            "en-US",
            "Advanced",
            [f"Longest segment (seconds): {part}" for part in ("value", "back to the default", "slider")],
        ),
    ],
)
def test_the_parts_of_a_slider_have_names_in_the_readers_language(
    visit: Visit, locale: str, advanced: str, names: list[str]
) -> None:
    with visit("/", locale=locale) as page:
        page.get_by_text(advanced).click()
        parts = page.locator("#asr-max-segment [aria-label]")
        expect(parts).to_have_count(len(names))
        for part, name in zip(parts.all(), names, strict=True):
            expect(part).to_have_attribute("aria-label", name)
        page.fill("#asr-max-segment input[type=number]", "5")
        page.locator("#asr-max-segment input[type=number]").blur()
        expect(parts.nth(1)).to_have_attribute("aria-label", names[1])


def test_an_emptied_number_is_the_default_and_one_out_of_range_is_put_right_in_words(
    page_zh: Page, recording: Recording
) -> None:
    page_zh.get_by_text("高级").click()
    longest = page_zh.locator("#asr-max-segment input[type=number]")
    silence = page_zh.locator("#asr-end-silence input[type=number]")
    set_slider(page_zh, "#asr-max-segment", "5")
    set_slider(page_zh, "#asr-end-silence", "3")
    longest.fill("")
    silence.fill("")
    silence.blur()
    expect(longest).to_have_value("30")
    expect(silence).to_have_value("0.8")
    expect(page_zh.locator(".asr-toast")).to_have_text("“结尾静音（秒）”空着时用默认值 0.8。")
    longest.fill("999")
    longest.blur()
    expect(page_zh.locator(".asr-toast")).to_have_text("“最长片段（秒）”要在 1 到 60 之间，已改为 60。")
    expect(longest).to_have_value("60")
    longest.fill("")
    recognise(page_zh, recording("空着.wav"))
    page_zh.click(".asr-details summary")
    expect(page_zh.locator(".asr-details dl")).to_contain_text("最长 30 秒，静音 800 毫秒")


@pytest.mark.parametrize("gap_ms", [40, 250], ids=["quick", "slow"])
def test_a_double_click_starts_one_recognition_and_does_not_cancel_it(
    page_zh: Page, recording: Recording, server_url: str, gap_ms: int
) -> None:
    upload(page_zh, recording("双击.wav", repeats=2))
    for expected in (["miss"], ["hit", "miss"]):  # from the cache the answer may come between the two clicks
        button = page_zh.locator("#asr-start").bounding_box()
        assert button
        page_zh.mouse.move(button["x"] + button["width"] / 2, button["y"] + button["height"] / 2)
        before = page_zh.url
        for click_count in (1, 2):
            page_zh.mouse.down(click_count=click_count)
            page_zh.mouse.up(click_count=click_count)
            page_zh.wait_for_timeout(gap_ms)
        page_zh.wait_for_function("before => location.href !== before", arg=before)
        page_zh.wait_for_timeout(500)  # a second one would be there by then
        page_zh.wait_for_selector(".asr-result, .asr-failure")
        rows = page_zh.request.get(f"{server_url}/v1/recognitions").json()["recognitions"]
        assert [row["cache"] for row in rows] == expected
        page_zh.wait_for_selector("#asr-start")


def test_no_trace_shows_the_text_and_keeps_nothing(visit: Visit, recording: Recording, server: Server) -> None:
    with visit("/") as page:
        upload(page, recording("机密谈话.wav"))
        page.locator(".asr-advanced > button").click()
        page.get_by_label("不留痕").check()
        page.click("#asr-start")
        result = page.locator(".asr-result")
        expect(result).to_contain_text("2025年3月5号")
        expect(result.locator(".asr-no-trace")).to_contain_text("离开此页后无法再找回")
        expect(page.locator("#asr-panel asr-player")).to_have_count(0)
        # The form does not go on to name a file that has gone.
        expect(page.locator("#asr-upload .file-preview")).to_have_count(0)
        expect(page.locator("#asr-recent .asr-row")).to_have_count(0)
        page.locator(".asr-result .asr-menu summary").click()
        with page.expect_download() as saved:
            page.locator(".asr-result [data-export=txt]").click()
        assert "2025年3月5号" in Path(saved.value.path()).read_text(encoding="utf-8")
        files = [path for path in server.data_dir.rglob("*") if path.is_file()]
        name = "机密谈话"
        marks = (name.encode(), name.encode("unicode_escape"))
        assert [str(path) for path in files if name in str(path) or any(m in path.read_bytes() for m in marks)] == []


def test_a_full_disk_is_told_at_the_file(visit: Visit, recording: Recording, server_url: str) -> None:
    body = {"error": {"code": "low_disk", "message": "the server's disk is nearly full", "details": {}}}
    with visit("/", locale="en-US") as page:
        page.route("**/gradio_api/upload*", lambda route: route.fulfill(status=507, json=body))
        page.set_input_files("#asr-upload input[type=file]", recording("a.wav"))
        for place in ("#asr-upload", ".toast-message-text"):
            expect(page.locator(place)).to_contain_text("The disk is nearly full")
