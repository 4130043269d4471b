"""Correcting lines in their place, and the versions that 重新识别 makes, in a real browser."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.helpers.browser import go, recognise

Visit = Callable[..., AbstractContextManager[Page]]
Recording = Callable[..., Path]


def line(page: Page, number: int) -> Locator:
    return page.locator(".asr-result > .asr-lines > li").nth(number)


def text(page: Page, number: int) -> Locator:
    return line(page, number).locator(".asr-text:visible")


def write(page: Page, number: int, new: str, key: str = "Enter") -> None:
    """Click, type, Enter."""
    text(page, number).click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(new)
    page.keyboard.press(key)


def stored(page: Page, server_url: str) -> dict[str, Any]:
    return page.request.get(f"{server_url}/v1/recognitions/{page.evaluate('asr.recognitionInAddress()')}").json()


def test_a_line_is_corrected_where_it_stands_and_the_player_plays_on(
    visit: Visit, recording: Recording, server_url: str
) -> None:
    with visit("/") as page:
        recognise(page, recording("修改.wav"))
        before = stored(page, server_url)["segments"][1]["normalized_text"]
        page.evaluate("document.querySelector('asr-player').kept = true")
        write(page, 1, "请打开 <b>空调</b> --> 一号")
        expect(line(page, 1).locator(".asr-corrected")).to_contain_text(f"识别原文：{before}")
        expect(text(page, 1)).to_have_text("请打开 <b>空调</b> --> 一号")
        assert page.locator(".asr-text b").count() == 0
        assert page.evaluate(
            "document.querySelector('asr-player').kept && document.querySelector('asr-player').audio.paused"
        )
        expect(page.locator("#asr-recent")).to_contain_text("一号")
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.click("[data-copy]")
        expect(page.locator(".asr-toast")).to_have_text("已复制")
        assert "--> 一号" in page.evaluate("navigator.clipboard.readText()")
        saved = stored(page, server_url)
        assert [item["corrected_text"] for item in saved["segments"]] == [None, "请打开 <b>空调</b> --> 一号"]
        assert "--> 一号" in saved["text"] and saved["segments"][1]["normalized_text"] == before

        # The search knows the new words, on the other page, where they are corrected once more and taken back.
        go(page, f"{server_url}/history")
        page.fill("#asr-search textarea", "一号")
        page.click(f".asr-row[data-id='{saved['id']}']")
        expect(page.locator(".asr-lines mark:visible")).to_have_text(["一号"])
        write(page, 1, "三号")
        expect(text(page, 1)).to_have_text("三号")
        page.click(".asr-corrections summary")
        expect(page.locator(".asr-corrections li")).to_have_count(2)
        page.locator(".asr-corrections [data-restore]").first.click()
        expect(text(page, 1)).to_have_text("请打开 <b>空调</b> --> 一号")
        line(page, 1).get_by_role("button", name="还原").click()
        expect(line(page, 1).locator(".asr-corrected")).to_have_count(0)
        expect(text(page, 1)).to_have_text(before)
        page.click(".asr-back")
        page.fill("#asr-search textarea", "打开 一号")
        expect(page.locator(f".asr-row[data-id='{saved['id']}']")).to_have_count(0)


def test_keys_save_and_leave_and_going_on_elsewhere_saves(visit: Visit, recording: Recording, server_url: str) -> None:
    with visit("/", locale="en-US") as page:
        recognise(page, recording("按键.wav"))
        before = text(page, 0).inner_text()
        write(page, 0, "nothing of this", "Escape")
        expect(text(page, 0)).to_have_text(before)
        # With the keyboard alone; an unchanged text is no correction, and Shift+Enter no new line.
        expect(text(page, 0)).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        page.keyboard.type(" one")
        page.keyboard.press("Shift+Enter")
        expect(line(page, 0).locator(".asr-corrected")).to_contain_text("Corrected")
        expect(text(page, 0)).to_be_focused()
        # Two in a row, the second while the first is on its way; a click elsewhere saves as well.
        text(page, 0).click()
        page.keyboard.press("End")
        page.keyboard.type(" two")
        text(page, 1).click()
        page.keyboard.press("End")
        page.keyboard.type(" three")
        page.locator(".asr-brand").focus()
        expect(line(page, 1).locator(".asr-corrected")).to_contain_text("Corrected")
        # An input method's Enter chooses a word.
        text(page, 1).click()
        page.keyboard.press("End")
        page.keyboard.type(" four")
        text(page, 1).dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
        expect(text(page, 1)).to_have_attribute("contenteditable", re.compile("."))
        page.keyboard.press("Enter")
        expect(page.locator(".asr-lines li[data-saving]")).to_have_count(0)
        page.wait_for_function("document.querySelectorAll('.asr-lines [contenteditable]').length === 0")
        expect(text(page, 1)).to_contain_text("three four")
        said = [item["corrected_text"] for item in stored(page, server_url)["segments"]]
        assert said[0] == f"{before} one two"
        assert said[1] is not None and said[1].endswith(" three four")
        assert len(stored(page, server_url)["corrections"]) == 4


def test_what_cannot_be_saved_is_given_back(visit: Visit, recording: Recording, server_url: str) -> None:
    with visit("/") as page:
        recognise(page, recording("删掉的.wav"))
        row = page.evaluate("asr.recognitionInAddress()")
        # Somebody else was there first: theirs stands in the lines, and one's own below until it is taken or dropped.
        theirs = {"lines": {"0": "别人写的 <b>", "1": "也是别人写的"}}
        for number, mine in ((0, "我写的"), (1, "我也写了")):
            assert page.request.post(f"{server_url}/v1/recognitions/{row}/corrections", data=theirs).ok
            write(page, 0, mine)
            # It is below the buttons at the top, which stay in reach; and it goes by itself: seen in one look.
            page.wait_for_function(
                "said => [...document.querySelectorAll('.toast-body')].some("
                "one => one.textContent.includes(said) && one.getBoundingClientRect().y > 300)",
                arg="这一句刚被改过（我）：“别人写的 <b>”",
            )
            expect(text(page, 0)).to_have_text("别人写的 <b>")
            expect(text(page, 1)).to_have_text(theirs["lines"]["1"])
            note = line(page, 0).locator(".asr-mine")
            expect(note).to_contain_text(f"您写的没有保存：{mine}")
            note.get_by_role("button", name=("改成我写的", "不要了")[number]).click()
            expect(note).to_have_count(0)
            expect(text(page, 0)).to_have_text(("我写的", "别人写的 <b>")[number])
            page.evaluate("document.querySelectorAll('.toast-close').forEach(one => one.click())")
            expect(page.locator(".toast-body")).to_have_count(0)
            theirs["lines"]["1"] = "又改了"
        expect(page.locator("li[data-unsaved], .asr-mine, [contenteditable]")).to_have_count(0)
        assert [item["text"] for item in stored(page, server_url)["corrections"]][2:4] == ["我写的", "别人写的 <b>"]
        assert page.request.delete(f"{server_url}/v1/recognitions/{row}").ok
        write(page, 1, "白写了")
        expect(page.locator(".toast-body")).to_contain_text("找不到这条记录")
        expect(text(page, 1)).to_have_text("白写了")
        expect(text(page, 1)).to_have_attribute("contenteditable", re.compile("."))
        page.keyboard.press("Escape")
        expect(text(page, 1)).not_to_have_text("白写了")
        # Nobody answers at all.
        page.evaluate(
            "asr.correct = () => {}; const later = setTimeout;"
            "window.setTimeout = (then, ms) => later(then, ms === 20_000 ? 2_000 : ms)"
        )
        # What was typed before that waits; Esc brings the old text back.
        before = text(page, 1).inner_text()
        write(page, 1, "也白写了", key="Tab")
        text(page, 0).click()
        expect(line(page, 1)).to_have_attribute("data-unsaved", "")
        expect(text(page, 1)).to_have_text("也白写了")
        page.keyboard.press("Escape")
        text(page, 1).click()
        page.keyboard.press("Escape")
        expect(text(page, 1)).to_have_text(before)
        expect(page.locator("li[data-unsaved]")).to_have_count(0)
        write(page, 0, "没有人回应")
        expect(page.locator(".asr-toast")).to_contain_text("没有回应")
        expect(text(page, 0)).to_have_text("没有人回应")
        expect(text(page, 0)).to_have_attribute("contenteditable", re.compile("."))
        expect(line(page, 0)).not_to_have_attribute("data-saving", "")


def test_a_line_that_others_changed_is_not_taken_back(visit: Visit, recording: Recording, server_url: str) -> None:
    with visit("/") as page:
        recognise(page, recording("还原.wav"))
        row = page.evaluate("asr.recognitionInAddress()")
        go(page, f"{server_url}/history")
        page.click(f".asr-row[data-id='{row}']")
        page.wait_for_selector(f".asr-result[data-id='{row}']")
        write(page, 0, "我写的")
        expect(line(page, 0).locator(".asr-corrected")).to_be_visible()
        write(page, 0, "我又写的")
        expect(page.locator(".asr-corrections li")).to_have_count(2)
        page.click(".asr-corrections summary")
        # At the line itself, and in the list of corrections.
        restore = line(page, 0).get_by_role("button", name="还原"), page.locator(".asr-corrections [data-text]").first
        for number, button in enumerate(restore):
            theirs = {"lines": {"0": f"别人写的 {number}"}}
            assert page.request.post(f"{server_url}/v1/recognitions/{row}/corrections", data=theirs).ok
            button.click()
            expect(page.locator(".toast-body")).to_contain_text(
                f"这一句刚被改过（我）：“别人写的 {number}”；因此没有还原。"
            )
            expect(text(page, 0)).to_have_text(f"别人写的 {number}")
            expect(page.locator(".asr-corrections li")).to_have_count(3 + number)
            expect(page.locator(".asr-mine, li[data-saving], li[data-unsaved]")).to_have_count(0)
            assert len(stored(page, server_url)["corrections"]) == 3 + number
            page.evaluate("document.querySelectorAll('.toast-close').forEach(one => one.click())")
            expect(page.locator(".toast-body")).to_have_count(0)
        # Whoever has seen theirs takes it back.
        line(page, 0).get_by_role("button", name="还原").click()
        expect(line(page, 0).locator(".asr-corrected")).to_have_count(0)


def test_what_the_server_never_answered_is_offered_on_a_page_that_is_loaded_anew(
    visit: Visit, recording: Recording, server_url: str
) -> None:
    with visit("/") as page:
        recognise(page, recording("断线.wav"))
        before = [text(page, number).inner_text() for number in (0, 1)]
        # The server goes away while one is sent, one waits, and then the page is loaded anew.
        page.evaluate("asr.correct = () => {}")
        write(page, 0, "断线时改的")
        write(page, 1, "正在写的", key="Shift")
        page.reload()
        expect(line(page, 0).locator(".asr-text:visible")).to_have_text("断线时改的")
        expect(page.locator(".asr-toast")).to_contain_text("没有保存")
        expect(line(page, 0)).to_have_attribute("data-hint", "Enter 保存，Esc 放弃")
        expect(line(page, 1)).to_have_attribute("data-unsaved", "")
        expect(text(page, 1)).to_have_text("正在写的")
        # One is saved now, the other one given up; neither comes again.
        page.keyboard.press("Enter")
        expect(line(page, 0).locator(".asr-corrected")).to_be_visible()
        text(page, 1).click()
        page.keyboard.press("Escape")
        expect(text(page, 1)).to_have_text(before[1])
        page.reload()
        expect(text(page, 0)).to_have_text("断线时改的")
        expect(text(page, 1)).to_have_text(before[1])
        expect(page.locator("li[data-unsaved], [contenteditable]")).to_have_count(0)
        assert [item["corrected_text"] for item in stored(page, server_url)["segments"]] == ["断线时改的", None]


def test_recognising_anew_keeps_both_versions_and_shows_what_differs(
    visit: Visit, recording: Recording, server_url: str
) -> None:
    with visit("/") as page:
        recognise(page, recording("版本.wav"))
        first = page.evaluate("asr.recognitionInAddress()")
        go(page, f"{server_url}/history")
        page.fill("#asr-search textarea, #asr-search input", "空调")
        page.locator(f".asr-row[data-id='{first}']").click()
        page.wait_for_selector(f".asr-result[data-id='{first}']")
        write(page, 1, "请关上空调。")
        expect(line(page, 1).locator(".asr-corrected")).to_be_visible()
        page.locator(".asr-detail [data-event=again]").click()
        form = page.locator("dialog.asr-form")
        form.locator("[name=hotwords]").fill("空调、北京")
        form.get_by_role("button", name="开始识别").click()
        page.wait_for_selector(f".asr-result:not([data-id='{first}'])")
        second = page.evaluate("asr.recognitionInAddress()")
        assert second != first
        expect(page.locator(".asr-result [data-badge]")).to_have_attribute("data-badge", "miss")
        versions = page.locator(".asr-versions > ol > li")
        expect(versions).to_have_count(2)
        expect(versions.nth(0)).to_contain_text("热词：北京、空调")
        expect(versions.nth(1)).to_contain_text("已修改 1 句")
        versions.nth(1).get_by_role("button", name="比较").click()
        compared = page.locator(".asr-comparison")
        expect(compared).to_contain_text("1 处不同")
        expect(compared.locator("li del")).to_have_text("关上")
        expect(compared.locator("li ins")).to_have_text("打开")
        expect(page.locator(".asr-result > .asr-lines")).not_to_be_visible()
        compared.get_by_label("只看不同").check()
        expect(compared.locator("li:visible")).to_have_count(1)
        compared.get_by_role("button", name="结束比较").click()
        expect(text(page, 1)).to_be_visible()
        # Each is a row of its own: one opens the other, and one can go.
        versions.nth(1).get_by_role("link", name="第 1 版").click()
        page.wait_for_selector(f".asr-result[data-id='{first}']")
        expect(text(page, 1)).to_have_text("请关上空调。")
        page.click(".asr-back")
        # It was no match of the search when it began; now its text is there.
        newer = page.locator(f".asr-row[data-id='{second}']")
        expect(newer.locator(".asr-version")).to_have_text("第 2 版")
        expect(newer.locator(".asr-status")).to_have_count(0)
        assert page.request.delete(f"{server_url}/v1/recognitions/{first}").ok
        newer.click()
        page.wait_for_selector(f".asr-result[data-id='{second}']")
        expect(page.locator(".asr-versions")).to_have_count(0)
