"""Where things stand: what should be in line is, and nothing that is written is cut off."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from unittest.mock import ANY

import numpy as np
import pytest
from playwright.sync_api import Locator, Page

from tests.helpers.browser import go, recognise, upload
from tests.helpers.speech import say, silence, write_wav

Visit = Callable[..., AbstractContextManager[Page]]
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A telephone call: one person on each channel, one after the other."""
    first, second = say("会议现在开始"), say("请检查网络", voice="m6")
    pause = silence(1)
    left = np.concatenate([pause, first, pause, np.zeros_like(second), pause])
    right = np.concatenate([pause, np.zeros_like(first), pause, second, pause])
    return write_wav(tmp_path_factory.mktemp("calls") / "电话.wav", np.stack([left, right], axis=1))


def lefts(things: Locator) -> list[float]:
    """Where each of them begins."""
    return things.evaluate_all("all => all.map(one => Math.round(one.getBoundingClientRect().left))")


@pytest.mark.parametrize("track", ["written", "both"])
def test_all_lines_begin_at_one_place_whoever_speaks(visit: Visit, call: Path, track: str) -> None:
    with visit("/", locale="en-US", viewport=DESK) as page:
        recognise(page, call)
        if track == "both":
            page.get_by_role("radio", name="Side by side").click()
            page.wait_for_selector(".asr-result[data-track=both] .asr-text.spoken")
        assert page.locator(".asr-lines .asr-who").all_text_contents() == ["Agent", "Customer"]
        texts = lefts(page.locator(".asr-lines .asr-text.written"))
        assert len(texts) == 2
        assert len(set(texts)) == 1


def test_the_waveform_shows_both_sides_of_a_call(visit: Visit, call: Path) -> None:
    with visit("/") as page:
        recognise(page, call)
        page.wait_for_function("document.querySelector('asr-player').peaks")
        peaks = page.evaluate("document.querySelector('asr-player').peaks")
        middle = len(peaks) // 2
        assert max(peaks[:middle]) > 0.3
        assert max(peaks[middle:]) > 0.3


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
def test_the_choice_of_channels_leaves_room_for_the_hotwords(visit: Visit, call: Path, locale: str) -> None:
    with visit("/", locale=locale, viewport=DESK) as page:
        before = page.locator("#asr-hotwords").bounding_box()
        upload(page, call)
        page.wait_for_selector("#asr-channels")
        assert before and page.locator("#asr-hotwords").bounding_box() == {**before, "y": ANY}


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
def test_the_hotwords_placeholder_is_not_cut_off(visit: Visit, locale: str, viewport: dict[str, int]) -> None:
    with visit("/", locale=locale, viewport=viewport) as page:
        field = page.locator("#asr-hotwords textarea")
        text = field.get_attribute("placeholder")
        page.fill("#asr-hotwords textarea", text or "?")
        assert field.evaluate(
            "field => { field.style.whiteSpace = 'nowrap'; field.style.width = `${field.clientWidth - 8}px`;"
            "return field.scrollWidth <= field.clientWidth; }"
        ), "it does not touch the edge either"


def test_the_choices_of_the_form_are_of_one_height(visit: Visit, call: Path) -> None:
    with visit("/") as page:
        upload(page, call)
        page.get_by_text("高级").click()
        heights: set[float] = set()
        for name in ("language", "channels", "speakers"):
            page.wait_for_selector(f"#asr-{name}")
            box = page.locator(f"#asr-{name} .wrap-inner").bounding_box()
            assert box
            heights.add(box["height"])
        assert len(heights) == 1


def test_lengths_are_in_line_whatever_the_mark_after_them(
    visit: Visit, recording: Callable[..., Path], server_url: str
) -> None:
    with visit("/", locale="en-US", viewport=DESK) as page:
        path = recording("new-then-known.wav")
        recognise(page, path)
        go(page, f"{server_url}/")
        recognise(page, path)
        go(page, f"{server_url}/history")
        page.wait_for_selector(".asr-row")
        assert page.locator(".asr-row .marks").all_inner_texts() == ["From cache", "New"]
        assert len(set(lefts(page.locator(".asr-row .long")))) == 1


def test_the_banner_holds_its_button_on_a_phone(visit: Visit) -> None:
    with visit("/", locale="en-US", viewport=PHONE, admin=True) as page:
        banner = page.locator(".asr-banner").bounding_box()
        button = page.locator(".asr-banner .asr-button").first.bounding_box()
        assert banner and button
        assert button["x"] + button["width"] <= banner["x"] + banner["width"] - 12
