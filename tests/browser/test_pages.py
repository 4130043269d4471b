"""What a person does on the pages, in a real browser against the real server and its node."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.helpers.browser import WAIT_MS, badge, go, recognise, send, upload
from tests.helpers.sounds import sox

Visit = Callable[..., AbstractContextManager[Page]]
Recording = Callable[..., Path]
EVIL_NAME = "<img src=x onerror=window.hacked=1>.wav"


def test_text_appears_then_the_badge_and_the_same_file_again_is_a_hit(page_zh: Page, recording: Recording) -> None:
    path = recording("会议.wav", repeats=24)
    upload(page_zh, path)
    page_zh.click("#asr-start")
    page_zh.wait_for_selector(".asr-lines.live li")
    expect(page_zh.locator("#asr-cancel")).to_be_visible()
    expect(page_zh.locator("#asr-start")).not_to_be_visible()
    expect(page_zh.locator(".asr-status-line")).to_contain_text(re.compile(r"识别中 \d+/\d+ 段"))
    page_zh.wait_for_selector(".asr-result")
    assert badge(page_zh) == "miss"
    expect(page_zh.locator(".asr-lines")).to_contain_text("2025年")
    expect(page_zh.locator("#asr-start")).to_be_visible()
    first = page_zh.url
    page_zh.click("#asr-start")
    page_zh.wait_for_function("first => location.href !== first", arg=first)
    page_zh.wait_for_selector("#asr-panel .asr-badge.hit")
    expect(page_zh.locator("#asr-panel .asr-badge.hit")).to_have_text(re.compile(r"缓存命中 · .*\d+ (毫秒|秒)"))
    expect(page_zh.locator("#asr-recent .asr-row")).to_have_count(2)


def test_a_reload_midway_finds_its_recognition_again(page_zh: Page, recording: Recording) -> None:
    upload(page_zh, recording("长.wav", repeats=24))
    page_zh.click("#asr-start")
    page_zh.wait_for_selector(".asr-lines.live li")
    address = page_zh.url
    recognition = re.search(r"\?r=([0-9a-f-]{36})$", address)
    assert recognition
    page_zh.reload()
    page_zh.wait_for_selector(f".asr-result[data-id='{recognition[1]}']")
    assert page_zh.url == address and badge(page_zh) == "miss"
    expect(page_zh.locator("#asr-recent .asr-row")).to_have_count(1)


def test_cancelling_ends_it_and_the_page_can_start_again(page_zh: Page, recording: Recording) -> None:
    upload(page_zh, recording("取消.wav", repeats=60))
    page_zh.click("#asr-start")
    page_zh.wait_for_selector(".asr-lines.live li")
    page_zh.click("#asr-cancel")
    expect(page_zh.locator(".asr-failure.cancelled")).to_contain_text("识别已取消")
    expect(page_zh.locator("#asr-start")).to_be_visible()
    for again in (False, True):
        if again:  # the history has it too
            go(page_zh, page_zh.url.replace("/?r=", "/history?r="))
        unfinished = page_zh.locator(".asr-result.unfinished")
        expect(unfinished.locator(".asr-badge")).to_have_text("未完成")
        expect(unfinished.locator(".asr-lines li").first).to_contain_text("2025年")
        unfinished.locator("[data-copy]").click()
        expect(page_zh.locator(".asr-toast")).to_have_text("已复制")


def test_recognising_anew_asks_the_model_again(page_zh: Page, recording: Recording) -> None:
    recognise(page_zh, recording("重新.wav"))
    first = page_zh.url
    page_zh.click("#asr-panel [data-event=again]")
    page_zh.wait_for_function("first => location.href !== first", arg=first)
    page_zh.wait_for_selector(".asr-result")
    assert badge(page_zh) == "miss"


def test_both_tracks_copy_download_and_lines_that_seek(page_zh: Page, recording: Recording) -> None:
    recognise(page_zh, recording("两种.wav"))
    line = page_zh.locator(".asr-lines li").nth(1)
    written = page_zh.locator(".asr-lines li").first.locator(".written")
    spoken = page_zh.locator(".asr-lines li").first.locator(".spoken")
    expect(written).to_contain_text("2025年")
    expect(spoken).not_to_be_visible()
    page_zh.get_by_role("radio", name="原始文本").click()
    expect(spoken).to_contain_text("二零二五年")
    expect(written).not_to_be_visible()
    page_zh.get_by_role("radio", name="原始文本").press("ArrowRight")
    expect(page_zh.get_by_role("radio", name="对照")).to_have_attribute("aria-checked", "true")
    expect(written).to_be_visible()
    expect(spoken).to_be_visible()

    line.locator("[data-seek]").press("Enter")
    page_zh.wait_for_function(
        "start => document.querySelector('asr-player').audio.currentTime * 1000 >= start",
        arg=int(line.get_attribute("data-start") or 0),
    )
    expect(line).to_have_attribute("data-now", "")

    page_zh.click(".asr-menu summary")
    with page_zh.expect_download() as download:
        page_zh.click("[data-export=srt]")
    assert "-->" in Path(download.value.path()).read_text(encoding="utf-8")
    page_zh.click("[data-copy]")
    expect(page_zh.locator(".asr-toast")).to_have_text("已复制")


def test_the_details_tell_where_and_how_fast(page_zh: Page, recording: Recording) -> None:
    recognise(page_zh, recording("详情.wav"))
    page_zh.click(".asr-details summary")
    details = page_zh.locator(".asr-details dl")
    for word in ("本机", "demo", "× 实时", "模型指纹", "编号"):
        expect(details).to_contain_text(word)


def test_the_microphone(page_zh: Page) -> None:
    page_zh.get_by_role("tab", name="录音").click()
    page_zh.click("#asr-microphone .record-button")
    page_zh.wait_for_selector("#asr-microphone .stop-button:visible")
    page_zh.wait_for_timeout(2500)  # what is recorded is the passing of time
    with page_zh.expect_response(lambda answer: "/upload" in answer.url):
        page_zh.click("#asr-microphone .stop-button")
    page_zh.wait_for_selector("#asr-microphone .play-pause-button")
    while not page_zh.locator(".asr-result").count():
        # The take belongs to the form only a moment after its upload; until then the page asks for a recording.
        page_zh.keyboard.press("Control+Enter")
        page_zh.wait_for_selector(".asr-result, .asr-failure")
    expect(page_zh.locator("#asr-recent")).to_contain_text("录音.wav")
    expect(page_zh.locator("asr-player")).to_be_visible()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [("空.wav", b"", "0 字节"), ("文字.wav", b"this is only text " * 200, "这不是音频或视频文件")],
)
def test_what_is_no_recording_gets_a_sentence_and_where_it_was_sent_a_reference(
    page_zh: Page, server_url: str, tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    upload(page_zh, tmp_path / name)
    expect(page_zh.locator(".asr-facts.unreadable")).to_contain_text(sentence)
    sent = {"name": name, "mimeType": "audio/wav", "buffer": content}
    row = page_zh.request.post(
        f"{server_url}/v1/recognitions?wait=60", multipart={"file": sent}, timeout=WAIT_MS
    ).json()
    go(page_zh, f"{server_url}/?r={row['id']}")
    failure = page_zh.locator(".asr-failure")
    expect(failure).to_contain_text(sentence)
    expect(failure).to_contain_text(re.compile(r"编号 [0-9a-f-]{36}"))


def test_a_hotword_that_is_none_is_refused_in_words(page_zh: Page, recording: Recording) -> None:
    upload(page_zh, recording("热词.wav"))
    page_zh.fill("#asr-hotwords textarea", "/etc/passwd")
    page_zh.click("#asr-start")
    expect(page_zh.locator(".asr-failure")).to_contain_text("不能作热词")
    page_zh.fill("#asr-hotwords textarea", "空调")
    page_zh.click("#asr-start")
    page_zh.wait_for_selector(".asr-result")


def test_nothing_without_a_recording(page_en: Page) -> None:
    page_en.click("#asr-start")
    expect(page_en.locator(".asr-failure")).to_contain_text("first")


def test_names_and_hotwords_never_become_markup(visit: Visit, recording: Recording, server_url: str) -> None:
    with visit("/") as page:
        page.fill("#asr-hotwords textarea", '"><img src=x onerror=window.hacked=1>')
        recognise(page, recording(EVIL_NAME))
        page.click(".asr-details summary")
        expect(page.locator(".asr-details")).to_contain_text(EVIL_NAME)
        go(page, f"{server_url}/history")
        page.fill("#asr-search textarea", "<img src=x onerror=window.hacked=1>")
        expect(page.locator(".asr-row mark")).to_have_count(3)
        page.click(".asr-row")
        expect(page.locator(".asr-detail h1")).to_have_text(EVIL_NAME)
        assert page.evaluate("window.hacked === undefined && !document.querySelector('img[src=x]')")


def test_the_history_searches_opens_goes_back_and_deletes(visit: Visit, recording: Recording, server_url: str) -> None:
    with visit("/") as page:
        for name in ("甲.wav", "乙.wav", "丙.wav"):
            send(page, server_url, recording(name))
        go(page, f"{server_url}/history")
        rows = page.locator(".asr-row")
        expect(rows).to_have_count(3)
        expect(rows.first).to_contain_text("丙.wav")

        page.fill("#asr-search textarea", "乙")
        expect(rows).to_have_count(1)
        page.fill("#asr-search textarea", "打开空调")
        expect(rows).to_have_count(3)
        expect(page.locator(".asr-row mark").first).to_have_text("打开空调")

        rows.first.click()
        expect(page.locator(".asr-detail h1")).to_have_text("丙.wav")
        expect(page.locator(".asr-detail mark").first).to_have_text("打开空调")
        # It is opened at its second.
        page.wait_for_function(
            """() => {
                const audio = document.querySelector(".asr-detail asr-player")?.audio;
                const found = document.querySelector(".asr-detail [data-found]");
                return found?.dataset.start > 0 && Math.abs(audio?.currentTime - found.dataset.start / 1000) < 0.05;
            }"""
        )
        assert "?r=" in page.url
        page.go_back()
        expect(rows.first).to_be_visible()
        rows.first.click()
        page.locator(".asr-detail [data-event=remove]").click()
        page.locator(".asr-dialog .quiet").click()
        expect(page.locator(".asr-detail")).to_be_visible()
        page.locator(".asr-detail [data-event=remove]").click()
        page.locator(".asr-dialog .danger").click()
        expect(rows).to_have_count(2)

        page.locator("[data-select]").first.check()
        page.locator("[data-select]").nth(1).check()
        expect(page.locator("asr-selection [data-count]")).to_have_text("已选 2")
        page.locator("[data-select]").nth(1).uncheck()
        page.locator("asr-selection [data-event=remove]").click()
        expect(page.locator(".asr-dialog")).to_contain_text("乙.wav")
        page.locator(".asr-dialog .danger").click()
        expect(rows).to_have_count(1)
        # The row that moves into the place of a deleted one must not inherit its tick.
        expect(page.locator("[data-select]:checked")).to_have_count(0)
        expect(page.locator("asr-selection [data-event=remove]")).not_to_be_visible()
        page.locator("[data-select]").first.check()
        page.locator("asr-selection [data-event=remove]").click()
        page.locator(".asr-dialog .danger").click()
        expect(rows).to_have_count(0)
        page.fill("#asr-search textarea", "")
        page.get_by_role("link", name="去识别").click()
        page.wait_for_selector("#asr-start")


def test_the_history_shows_more_when_asked(visit: Visit, recording: Recording, server_url: str) -> None:
    path = recording("许多.wav")
    with visit("/") as page:
        recognise(page, path)
        for _ in range(31):
            sent = {"name": path.name, "mimeType": "audio/wav", "buffer": path.read_bytes()}
            assert page.request.post(f"{server_url}/v1/recognitions", multipart={"file": sent}).ok
        go(page, f"{server_url}/history")
        rows = page.locator(".asr-row")
        expect(rows).to_have_count(30)
        page.click("#asr-more")
        expect(rows).to_have_count(32)
        expect(page.locator("#asr-more")).not_to_be_visible()
        ids = page.eval_on_selector_all("[data-select]", "boxes => boxes.map(box => box.dataset.select)")
        assert ids == sorted(set(ids), reverse=True)


def test_nobody_sees_anothers_recognition(visit: Visit, recording: Recording) -> None:
    with visit("/") as page:
        recognise(page, recording("私.wav"))
        mine = page.url.split("?r=")[1]
    with visit(f"/history?r={mine}") as other:
        expect(other.locator(".asr-failure")).to_contain_text("找不到这条记录")
        assert other.locator(".asr-result").count() == 0


def test_the_nodes_page_drains_and_resumes(visit: Visit) -> None:
    with visit("/nodes", admin=True) as page:
        expect(page.locator(".asr-sentence")).to_have_text("一切正常")
        expect(page.locator(".asr-summary")).to_contain_text("节点 1/1")
        card = page.locator(".asr-card")
        expect(card).to_contain_text("本机")
        expect(card).to_contain_text("CPU")
        try:
            card.get_by_role("button", name="排空").click()
            page.locator(".asr-dialog").get_by_role("button", name="排空").click()
            expect(page.locator(".asr-node-state")).to_have_text("已排空")
        finally:
            card.get_by_role("button", name="恢复").click()
        expect(page.locator(".asr-sentence")).to_have_text("一切正常")


_SHOWN = "document.querySelector('#asr-nodes-view').innerHTML"


def test_the_nodes_page_is_not_drawn_again_when_nothing_changed(visit: Visit) -> None:
    with visit("/nodes", admin=True) as page:
        page.wait_for_selector(".asr-card")
        for _ in range(10):  # what the page says of the machine may change at any look
            before = page.evaluate(f"document.querySelector('.asr-card').seen = true, {_SHOWN}")
            with page.expect_event("requestfinished", lambda request: "queue/data" in request.url):
                pass
            page.wait_for_timeout(300)
            if page.evaluate("document.querySelector('.asr-card').seen === true"):
                break
            assert page.evaluate(_SHOWN) != before
        else:
            pytest.fail("the page was never left as it was")


def test_the_language_follows_the_browser_and_the_toggle(visit: Visit) -> None:
    with visit("/", locale="en-US") as page:
        expect(page.locator("#asr-start")).to_have_text("Recognise")
        expect(page.locator(".asr-chip")).to_have_text("Demo model")
        page.click("[data-language-toggle]")
        expect(page.locator("#asr-start")).to_have_text("开始识别")
        expect(page.locator(".asr-chip")).to_have_text("演示模型")
        page.get_by_role("link", name="节点").click()
        expect(page.locator(".asr-sentence")).to_have_text("一切正常")
        assert page.evaluate("document.documentElement.lang").startswith("zh")


def test_the_demo_banner_says_what_it_is_and_offers_administrators_the_real_model(visit: Visit) -> None:
    with visit("/", admin=True) as page:
        expect(page.locator(".asr-banner")).to_contain_text("只认识约 500 个字词")
        expect(page.locator(".asr-banner [data-event=start_download]")).to_contain_text("GB")
    with visit("/") as page:
        expect(page.locator(".asr-banner")).to_contain_text("管理员可以下载")
        assert page.locator(".asr-banner button").count() == 0


@pytest.mark.parametrize(("path", "scheme"), [("/", "light"), ("/history", "dark"), ("/nodes", "light")])
def test_every_page_fits_a_phone(visit: Visit, path: str, scheme: str) -> None:
    with visit(path, color_scheme=scheme, viewport={"width": 390, "height": 844}, locale="en-US") as page:
        page.wait_for_load_state("networkidle" if path == "/history" else "load")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390


def amr(source: Path, path: Path) -> None:
    sox(source, "-r", "8000", "-t", "amr-nb", path)


def au(source: Path, path: Path) -> None:
    sox(source, "-e", "mu-law", path)


def gsm_wav(source: Path, path: Path) -> None:
    sox(source, "-r", "8000", "-e", "gsm", path)


@pytest.mark.parametrize(("name", "make"), [("电话.amr", amr), ("旧.au", au), ("总机.wav", gsm_wav)])
def test_what_the_browser_cannot_play_is_said_and_can_be_downloaded(
    page_zh: Page, recording: Recording, tmp_path: Path, name: str, make: Callable[[Path, Path], None]
) -> None:
    path = tmp_path / name
    make(recording("原.wav"), path)
    recognise(page_zh, path)
    expect(page_zh.locator(".asr-lines li").first).to_be_visible()
    note = page_zh.locator("asr-player .note")
    expect(note).to_contain_text("浏览器不能播放这种格式")
    expect(page_zh.locator("asr-player .play")).not_to_be_visible()
    with page_zh.expect_download() as download:
        note.get_by_role("link", name="下载录音").click()
    assert Path(download.value.path()).read_bytes() == path.read_bytes()
    assert download.value.suggested_filename == name


def test_the_hotword_sample_differs_without_its_hotword(page_zh: Page) -> None:
    page_zh.locator("#asr-samples [data-event=sample]").nth(1).click()
    page_zh.wait_for_selector(".asr-result")
    expect(page_zh.locator("#asr-hotwords textarea")).to_have_value("李敬")
    expect(page_zh.locator(".asr-lines")).to_contain_text("李敬")
    first = page_zh.url
    page_zh.fill("#asr-hotwords textarea", "")
    page_zh.click("#asr-start")
    page_zh.wait_for_function("first => location.href !== first", arg=first)
    expect(page_zh.locator(".asr-result .asr-lines")).to_contain_text("李静")


def test_without_https_the_microphone_says_what_it_needs(visit: Visit) -> None:
    hint = ".asr-needs-https"
    with visit("/") as page:
        page.get_by_role("tab", name="录音").click()
        expect(page.locator("#asr-microphone .record-button")).to_be_visible()
        expect(page.locator(hint)).not_to_be_visible()
    with visit("/", script="Object.defineProperty(window, 'isSecureContext', {get: () => false})") as page:
        page.get_by_role("tab", name="录音").click()
        expect(page.locator(hint)).to_be_visible()
        expect(page.locator(hint)).to_contain_text("https")
        expect(page.locator(hint)).to_contain_text("localhost")
        expect(page.locator("#asr-microphone")).not_to_be_visible()


def test_a_sample_gives_its_text_with_one_click(page_zh: Page) -> None:
    samples = page_zh.locator("#asr-samples [data-event=sample]")
    expect(samples).to_have_count(3)
    samples.first.click()
    page_zh.wait_for_selector(".asr-result .asr-lines li")
    expect(page_zh.locator("#asr-upload")).to_contain_text(re.compile(r"\.\w+"))
    expect(page_zh.locator("#asr-start")).to_be_visible()
    page_zh.wait_for_function("document.querySelector('asr-player').audio.duration > 0")
