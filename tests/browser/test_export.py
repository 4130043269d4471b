"""导出 on the 历史 page: what is selected, all that a search finds, and why there is nothing."""

import csv
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Download, Page, expect

from tests.helpers.browser import WAIT_MS, go, send

Visit = Callable[..., AbstractContextManager[Page]]
Recording = Callable[..., Path]


def exported(page: Page, where: str, format: str) -> Download:
    page.locator(f"{where} .asr-export-menu summary").click()
    with page.expect_download() as download:
        page.locator(f"{where} [data-format={format}]").click()
    # The menu does not stay open over the list.
    expect(page.locator(f"{where} .asr-export-menu")).not_to_have_attribute("open", "")
    return download.value


@pytest.mark.parametrize(
    ("locale", "done", "without_text"),
    [
        ("zh-CN", "已导出 1 条。", "1 条没有文字，没有导出；名单在压缩包里。"),
        ("en-US", "Exported: 1.", "Without text, left out: 1;"),
    ],
)
def test_a_selection_is_exported_and_what_has_no_text_is_told(
    visit: Visit, recording: Recording, server_url: str, tmp_path: Path, locale: str, done: str, without_text: str
) -> None:
    with visit("/", locale=locale, viewport={"width": 390, "height": 800}) as page:
        name = f"导出{locale}"
        send(page, server_url, recording(f"{name}.wav"))
        broken = {"name": "坏.wav", "mimeType": "audio/wav", "buffer": b"no sound at all"}
        page.request.post(f"{server_url}/v1/recognitions?wait=60", multipart={"file": broken}, timeout=WAIT_MS)
        go(page, f"{server_url}/history")
        page.locator("[data-select]").nth(1).check()
        alone = exported(page, "asr-selection", "txt")
        assert alone.suggested_filename == f"{name}.txt"
        assert "今天是2025年3月5号" in alone.path().read_text()
        page.locator("[data-select]").nth(0).check()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        both = exported(page, "asr-selection", "srt")
        assert len(zipfile.ZipFile(both.path()).namelist()) == 2
        expect(page.locator(".asr-export")).to_contain_text(done)
        expect(page.locator(".asr-export")).to_contain_text(without_text)
        # Again by hand, should the browser have lost it.
        with page.expect_download() as again:
            page.locator(".asr-export a").click()
        assert again.value.path().read_bytes() == both.path().read_bytes()
        page.locator(".asr-export button").click()
        expect(page.locator(".asr-export")).to_have_count(0)


def test_all_that_a_search_finds_is_exported_whatever_the_page_shows(
    visit: Visit, recording: Recording, server_url: str
) -> None:
    with visit("/") as page:
        path = recording("搜到的.wav")
        for _ in range(3):
            send(page, server_url, path)
        send(page, server_url, recording("另外的.wav"))
        go(page, f"{server_url}/history")
        page.fill("#asr-search textarea, #asr-search input", "搜到的")
        expect(page.locator(".asr-row")).to_have_count(3)
        table = exported(page, "#asr-export-all", "csv")
        lines = list(csv.DictReader(table.path().read_text("utf-8-sig").splitlines()))
        assert [line["文件名"] for line in lines] == ["搜到的.wav"] * 3
        assert exported(page, "#asr-export-all", "xlsx").suggested_filename.endswith(".xlsx")
        expect(page.locator(".asr-export")).to_contain_text("已导出 3 条。")


def test_why_there_is_nothing_to_export_is_a_sentence(visit: Visit, recording: Recording, server_url: str) -> None:
    with visit("/") as page:
        row: dict[str, Any] = send(page, server_url, recording("要删的.wav"))
        go(page, f"{server_url}/history")
        page.locator("[data-select]").check()
        # In another window, meanwhile.
        assert page.request.delete(f"{server_url}/v1/recognitions/{row['id']}").ok
        page.locator("asr-selection summary").click()
        page.locator("asr-selection [data-format=xlsx]").click()
        expect(page.locator(".asr-export [role=alert]")).to_have_text(
            "没有可以导出的记录：可能已经删除，或没有符合的结果。"
        )
