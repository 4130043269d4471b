"""Who speaks, on the pages: names beside the lines, renaming, swapping the two channels."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from domain.labels import MAX_NAME_CHARS
from tests.helpers.browser import go, recognise
from tests.helpers.speech import say, silence, write_wav

Visit = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A telephone call: one person on each channel, two turns each."""
    turns = [say("会议现在开始"), say("请检查网络", voice="m6"), say("任务已经完成"), say("打开空调", voice="m6")]
    left, right = [silence(0.5)], [silence(0.5)]
    for number, turn in enumerate(turns):
        pair = (turn, silence(len(turn) / 16_000))
        mine, other = pair if number % 2 == 0 else pair[::-1]
        left += [mine, silence(1)]
        right += [other[: len(mine)], silence(1)]
    sides = [np.concatenate(side) for side in (left, right)]
    length = min(map(len, sides))
    stereo = np.stack([side[:length] for side in sides], axis=1)
    return write_wav(tmp_path_factory.mktemp("calls") / "电话.wav", stereo, channels=2)


def who(page: Page) -> Any:
    return page.locator(".asr-lines .asr-who")


def rename(page: Page, line: int, name: str, button: str) -> None:
    who(page).nth(line).click()
    dialog = page.locator("dialog.asr-naming")
    dialog.locator("input").fill(name)
    dialog.get_by_role("button", name=button).click()
    expect(dialog).to_have_count(0)


def test_names_are_given_to_all_lines_or_one_and_swapped(visit: Visit, call: Path, server_url: str) -> None:
    with visit("/") as page:
        recognise(page, call)
        expect(who(page)).to_have_text(["坐席", "客户", "坐席", "客户"])
        page.get_by_role("button", name="坐席 ⇄ 客户").click()
        expect(who(page)).to_have_text(["客户", "坐席", "客户", "坐席"])

        rename(page, 1, "王经理", "“坐席”的 2 句全部改名")
        expect(who(page)).to_have_text(["客户", "王经理", "客户", "王经理"])
        rename(page, 2, "<b>李</b>", "只改这一句")
        expect(who(page)).to_have_text(["客户", "王经理", "<b>李</b>", "王经理"])
        assert page.locator(".asr-who b").count() == 0
        # Naming somebody is not a wish to hear the line.
        assert page.evaluate("document.querySelector('asr-player').audio.paused")

        # The history has the same names: in the row's snippet, in the detail, in what is taken away.
        row = page.evaluate("asr.recognitionInAddress()")
        go(page, f"{server_url}/history")
        expect(page.locator(f".asr-row[data-id='{row}']")).to_contain_text("王经理：")
        page.locator(f".asr-row[data-id='{row}']").click()
        expect(who(page)).to_have_text(["客户", "王经理", "<b>李</b>", "王经理"])
        # Who says one line only leaves no choice.
        rename(page, 0, "小张", "改名")
        expect(who(page).first).to_have_text("小张")
        text = page.request.get(f"{server_url}/v1/recognitions/{row}/export?format=txt").text()
        assert [line.partition("：")[0].partition(": ")[0] for line in text.splitlines()] == [
            "小张",
            "王经理",
            "<b>李</b>",
            "王经理",
        ]
        vtt = page.request.get(f"{server_url}/v1/recognitions/{row}/export?format=vtt").text()
        assert "<v &lt;b&gt;李&lt;/b&gt;>" in vtt


def test_the_list_behind_an_open_row_shows_the_names_given_there(visit: Visit, call: Path, server_url: str) -> None:
    with visit("/") as page:
        recognise(page, call)
        go(page, f"{server_url}/")
        recognise(page, call)
        go(page, f"{server_url}/history")
        newer, older = page.locator(".asr-row").nth(0), page.locator(".asr-row").nth(1)
        older.click()
        rename(page, 0, "小张", "“坐席”的 2 句全部改名")
        expect(who(page).first).to_have_text("小张")
        page.wait_for_timeout(1_000)  # what the page was still drawing comes within that, and does not undo the name
        expect(who(page).first).to_have_text("小张")
        page.click(".asr-back")
        expect(older).to_contain_text("小张：")
        expect(newer).to_contain_text("坐席：")

        older.click()
        page.click("[data-event=swap]")
        expect(who(page).first).to_have_text("客户")
        page.go_back()
        expect(older).to_contain_text("客户：")
        expect(page.locator(".asr-row")).to_have_count(2)


def test_a_name_can_be_given_with_the_keyboard_and_left_alone(visit: Visit, call: Path) -> None:
    with visit("/", locale="en-US") as page:
        recognise(page, call)
        expect(who(page).first).to_have_text("Agent")
        who(page).first.focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        expect(page.locator("dialog.asr-naming")).to_have_count(0)
        expect(who(page).first).to_have_text("Agent")
        page.keyboard.press("Enter")
        page.locator("dialog.asr-naming input").fill("Ann")
        page.keyboard.press("Enter")
        expect(who(page)).to_have_text(["Ann", "Customer", "Ann", "Customer"])


def test_a_name_that_is_somebody_elses_is_swapped_or_given_to_a_line(visit: Visit, call: Path) -> None:
    with visit("/") as page:
        recognise(page, call)
        who(page).first.click()
        dialog = page.locator("dialog.asr-naming")
        expect(dialog.get_by_role("status")).to_have_text("留空则恢复为“坐席”。")
        dialog.locator(".asr-quick").get_by_role("button", name="客户").click()
        expect(dialog.get_by_role("status")).to_contain_text("“客户”是这里另一个人的名字")
        page.keyboard.press("Enter")
        expect(who(page)).to_have_text(["客户", "坐席", "客户", "坐席"])
        # An empty name is the usual one, which is the other's by now; a line alone has no empty name.
        who(page).first.click()
        dialog.locator("input").fill("")
        expect(dialog.get_by_role("status")).to_contain_text("“坐席”是这里另一个人的名字")
        expect(dialog.get_by_role("button", name="只改这一句")).to_be_disabled()
        dialog.get_by_role("button", name="互换两个名字").click()
        expect(who(page)).to_have_text(["坐席", "客户", "坐席", "客户"])
        rename(page, 0, " 客户 ", "只改这一句")
        expect(who(page)).to_have_text(["客户", "客户", "坐席", "客户"])
        # Who has one line left can give it away, too.
        rename(page, 2, "客户", "只改这一句")
        expect(who(page)).to_have_text(["客户"] * 4)


def test_the_two_of_a_mono_call_become_agent_and_customer_with_a_click_each(visit: Visit, tmp_path: Path) -> None:
    turns = [say("会议现在开始"), say("请检查网络", voice="m6"), say("任务已经完成"), say("打开空调", voice="m6")]
    sound = np.concatenate([part for turn in turns for part in (silence(1), turn)])
    with visit("/", locale="en-US") as page:
        recognise(page, write_wav(tmp_path / "mono.wav", sound))
        expect(who(page)).to_have_text(["Speaker 1", "Speaker 2", "Speaker 1", "Speaker 2"])
        for line, side in enumerate(("Agent", "Customer")):
            who(page).nth(line).click()
            page.locator(".asr-quick").get_by_role("button", name=side).click()
            page.keyboard.press("Enter")
            expect(who(page).nth(line)).to_have_text(side)
        expect(who(page)).to_have_text(["Agent", "Customer", "Agent", "Customer"])
        # One person who was heard as two.
        who(page).nth(1).click()
        page.locator("dialog.asr-naming input").fill("Agent")
        expect(page.locator("dialog.asr-naming").get_by_role("button")).to_have_text(
            ["Agent", "Cancel", "This line only", "Give “Agent” these lines (2)", "Swap the two names"]
        )
        # What cannot be undone takes a click of its own.
        page.keyboard.press("Enter")
        expect(who(page)).to_have_text(["Customer", "Agent", "Customer", "Agent"])
        rename(page, 1, "Customer", "Give “Customer” these lines (2)")
        expect(who(page)).to_have_text(["Customer"] * 4)


def test_a_usual_name_of_the_other_language_is_the_same_name(visit: Visit, call: Path) -> None:
    with visit("/") as page:
        recognise(page, call)
        dialog = page.locator("dialog.asr-naming")
        for name in ("Customer", "客户\u200b"):  # the server takes both as 客户
            who(page).first.click()
            dialog.locator("input").fill(name)
            expect(dialog.get_by_role("status")).to_contain_text("“客户”是这里另一个人的名字")
            page.keyboard.press("Escape")
        rename(page, 0, "Customer", "互换两个名字")
        expect(who(page)).to_have_text(["客户", "坐席", "客户", "坐席"])
        # Its own usual name, in the other language.
        rename(page, 0, "Agent", "互换两个名字")
        expect(who(page)).to_have_text(["坐席", "客户", "坐席", "客户"])


def test_the_sides_keep_their_names_when_a_call_is_recognised_anew(visit: Visit, call: Path) -> None:
    with visit("/") as page:
        recognise(page, call)
        page.click("[data-event=swap]")
        expect(who(page).first).to_have_text("客户")
        first = page.evaluate("asr.recognitionInAddress()")
        page.click("[data-event=again]")
        page.wait_for_selector(f".asr-result:not([data-id='{first}'])")
        expect(who(page)).to_have_text(["客户", "坐席", "客户", "坐席"])


def test_the_number_of_speakers_is_offered_where_the_model_can(visit: Visit) -> None:
    with visit("/") as page:
        page.get_by_text("高级").click()
        expect(page.locator("#asr-speakers")).to_be_visible()


def test_the_longest_name_stays_in_its_card_and_a_longer_one_is_refused_in_words(visit: Visit, call: Path) -> None:
    longest = "M" * MAX_NAME_CHARS
    with visit("/", locale="en-US", viewport={"width": 390, "height": 844}) as page:
        recognise(page, call)
        who(page).first.click()
        dialog = page.locator("dialog.asr-naming")
        dialog.locator("input").fill(f"{longest}M")
        expect(dialog.get_by_role("status")).to_have_text(f"The name is too long: at most {MAX_NAME_CHARS} characters.")
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("button", name="Rename all")).to_be_disabled()
        dialog.locator("input").fill(longest)
        page.keyboard.press("Enter")
        expect(who(page).first).to_have_text(longest)
        swap = page.locator("[data-event=swap]")
        expect(swap).to_contain_text(longest)
        card, button = page.locator(".asr-result").bounding_box(), swap.bounding_box()
        assert card and button
        assert button["x"] + button["width"] <= card["x"] + card["width"]
        assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_name_that_another_tab_gave_meanwhile_is_refused_and_shown(visit: Visit, call: Path, server_url: str) -> None:
    with visit("/") as page:
        recognise(page, call)
        row = page.evaluate("asr.recognitionInAddress()")
        page.get_by_role("radio", name="对照").click()
        given = page.request.post(f"{server_url}/v1/recognitions/{row}/labels", data={"labels": {"channel1": "王经理"}})
        assert given.ok
        rename(page, 0, "王经理", "“坐席”的 2 句全部改名")
        expect(page.locator(".toast-body")).to_contain_text("“王经理”是这里另一个人的名字")
        expect(who(page)).to_have_text(["坐席", "王经理", "坐席", "王经理"])
        expect(page.get_by_role("radio", name="对照")).to_have_attribute("aria-checked", "true")
