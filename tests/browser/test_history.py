"""历史: whose rows a visitor sees, what a row tells of itself, and its address."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.helpers.browser import WAIT_MS, go, recognise, send, upload
from tests.helpers.levels import fresh_level

Visit = Callable[..., AbstractContextManager[Page]]
Recording = Callable[..., Path]


def shown_time(page: Page, selector: str) -> str:
    """What a person reads: beside it lies, out of sight, what a page without scripts would show."""
    return page.locator(selector).evaluate("time => time.shadowRoot.textContent")


def test_a_visitor_sees_its_own_rows_with_their_door_and_nobody_elses(
    visit: Visit, recording: Recording, server_url: str
) -> None:
    with visit("/") as other:
        foreign = send(other, server_url, recording("别人的.wav"))
    with visit("/") as page:
        recognise(page, recording("网页来的.wav"))
        send(page, server_url, recording("命令行来的.wav"), source="cli")
        go(page, f"{server_url}/history")
        rows = page.locator(".asr-row")
        expect(rows.locator(".asr-source")).to_have_text(["命令行", "网页"])
        expect(page.locator("#asr-whose")).not_to_be_visible()
        expect(rows.locator(".asr-user")).to_have_count(0)
        expect(page.locator(f"[data-select='{foreign['id']}']")).to_have_count(0)


def test_an_administrator_sees_whose_each_row_is_and_can_choose_its_own(
    visit: Visit, recording: Recording, server_url: str
) -> None:
    with visit("/") as other:
        foreign = send(other, server_url, recording("访客的.wav"))
    with visit("/", admin=True) as page:
        recognise(page, recording("管理员的.wav"))
        go(page, f"{server_url}/history")
        theirs = page.locator(f".asr-row[data-id='{foreign['id']}']")
        expect(theirs.locator(".asr-user")).to_have_text(f"访客 {foreign['user'].partition(':')[2][:4]}")
        expect(theirs.locator(".asr-source")).to_have_text("接口")
        expect(page.locator(".asr-row", has_text="管理员的.wav").locator(".asr-user")).to_have_text("我")

        page.locator("#asr-whose").get_by_text("我的").click()
        expect(page.locator(".asr-row")).to_have_count(1)
        expect(page.locator(".asr-row")).to_contain_text("管理员的.wav")
        page.locator("#asr-whose").get_by_text("全部").click()
        expect(theirs).to_be_visible()


def test_a_time_of_day_and_a_length_never_look_alike(visit: Visit, recording: Recording, server_url: str) -> None:
    with visit("/", viewport={"width": 390, "height": 800}, clock=True) as page:
        recognition = send(page, server_url, recording("长短.wav", repeats=12))
        page.clock.set_fixed_time(recognition["created_at"])
        seconds = int(recognition["audio_seconds"] + 0.5)
        go(page, f"{server_url}/history")
        expect(page.locator(".asr-row asr-time")).to_have_attribute("title", re.compile(r"\d{4}年"))
        assert re.fullmatch(r"今天 \d\d:\d\d", shown_time(page, ".asr-row asr-time"))
        length = page.locator(".asr-row .long")
        expect(length).to_be_visible()
        expect(length).to_have_text(f"{seconds // 60} 分 {seconds % 60} 秒")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.click(".asr-row")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", shown_time(page, ".asr-origin asr-time"))


def test_a_day_before_today_is_a_date(visit: Visit) -> None:
    with visit("/history", clock=True) as page:
        page.clock.set_fixed_time("2026-01-03T12:00:00")
        for moment, shown in (("2026-01-02T23:59:59", "01-02 23:59"), ("2025-12-31T14:05:00", "2025-12-31 14:05")):
            page.evaluate(
                """moment => {
                    const time = document.createElement('asr-time');
                    time.setAttribute('datetime', moment);
                    time.id = 'probe';
                    document.querySelector('#probe')?.remove();
                    document.body.append(time);
                }""",
                moment,
            )
            assert shown_time(page, "#probe") == shown


def test_a_recording_without_a_name_gets_one_to_read(visit: Visit, recording: Recording, server_url: str) -> None:
    content = recording("无名.wav").read_bytes()
    for locale, name in (("zh-CN", "未命名录音"), ("en-US", "Unnamed recording")):
        with visit("/", locale=locale) as page:
            headers = {"content-type": "audio/wav"}
            sent = page.request.post(
                f"{server_url}/v1/recognitions?wait=60", data=content, headers=headers, timeout=WAIT_MS
            )
            assert sent.json()["filename"] == "audio"
            go(page, f"{server_url}/history")
            expect(page.locator(".asr-row b")).to_have_text(name)
            page.click(".asr-row")
            expect(page.locator(".asr-detail h1")).to_have_text(name)


@contextmanager
def no_node(visit: Visit) -> Iterator[None]:
    """What is sent meanwhile waits, and ends only where the test cancels it."""
    with visit("/nodes", admin=True) as page:
        page.locator(".asr-card").get_by_role("button", name="排空").click()
        try:
            page.locator(".asr-dialog").get_by_role("button", name="排空").click()
            expect(page.locator(".asr-node-state")).to_have_text("已排空")
            yield
        finally:
            page.locator(".asr-card").get_by_role("button", name="恢复").click()
            expect(page.locator(".asr-sentence")).to_have_text("一切正常")


def start(page: Page, path: Path) -> None:
    upload(page, path)
    page.click("#asr-start")
    page.wait_for_selector(".asr-running[data-id]")


def cancel(page: Page) -> None:
    recognition = page.evaluate("asr.recognitionInAddress()")
    assert page.request.post(f"{page.url.partition('/history')[0]}/v1/recognitions/{recognition}/cancel").ok
    page.wait_for_selector(".asr-detail .asr-failure.cancelled")


@contextmanager
def held_back(page: Page, count: int) -> Iterator[list[Route]]:
    """What the page asks of the server first is kept until the end of this, and then the last comes first."""
    held: list[Route] = []
    page.route("**/queue/join*", lambda route: held.append(route) if len(held) < count else route.continue_())
    yield held
    until_held(page, held, count)
    for route in reversed(held):
        with page.expect_response(lambda answer: "queue/join" in answer.url):
            route.continue_()
    page.unroute("**/queue/join*")
    page.wait_for_timeout(1_000)  # the answers come within that


def until_held(page: Page, held: list[Route], count: int) -> None:
    for _ in range(200):
        if len(held) == count:
            return
        page.wait_for_timeout(50)
    pytest.fail(f"the page asked {len(held)} times")


def open_running(page: Page, path: Path, server_url: str) -> tuple[Locator, Locator]:
    """A recognition that does not end, opened in the history: its row there, and what shows that it runs."""
    start(page, path)
    go(page, f"{server_url}/history")
    row, running = page.locator(".asr-row").first, page.locator(".asr-detail .asr-running")
    row.click()
    expect(running).to_be_visible()
    return row, running


def test_back_and_forward_show_what_the_address_says_however_late_the_server_answers(
    visit: Visit, recording: Recording, server_url: str
) -> None:
    with no_node(visit), visit("/") as page:
        row, running = open_running(page, recording("前进后退.wav"), server_url)
        # Each step asks for the detail and, perhaps, for the row that was left.
        with held_back(page, 4):
            page.go_back()
            expect(row).to_be_visible()
            page.go_forward()
        expect(running).to_be_visible()
        cancel(page)


def test_a_row_that_was_left_is_not_written_into_a_list_that_was_drawn_anew_meanwhile(
    visit: Visit, recording: Recording, server_url: str
) -> None:
    with no_node(visit), visit("/") as page:
        row, running = open_running(page, recording("另一个列表.wav"), server_url)
        with held_back(page, 2) as held:
            page.click(".asr-back")
            expect(row).to_be_visible()
            until_held(page, held, 2)
            page.locator("#asr-search input, #asr-search textarea").fill("没有人说过这句话")
            expect(page.locator(".asr-empty")).to_be_visible()
        expect(page.locator(".asr-empty")).to_be_visible()
        page.locator("#asr-search input, #asr-search textarea").fill("")
        row.click()
        expect(running).to_be_visible()
        cancel(page)


@pytest.mark.parametrize("way", ["link", "browser"])
def test_who_leaves_a_row_that_runs_is_back_at_once_and_finds_it_as_it_is(
    visit: Visit, recording: Recording, server_url: str, way: str
) -> None:
    with no_node(visit), visit("/") as page:
        start(page, recording(f"还在识别{way}.wav"))
        go(page, f"{server_url}/history")
        row = page.locator(".asr-row").first
        unfinished = row.locator(".asr-status:is(.queued, .running)")
        expect(unfinished).to_be_visible()

        def leave() -> None:
            page.click(".asr-back") if way == "link" else page.go_back()

        row.click()
        running = page.locator(".asr-detail .asr-running")
        expect(running).to_be_visible()
        leave()
        expect(unfinished).to_be_visible()  # it has not ended, so nobody waited for that
        page.wait_for_timeout(1_000)  # nor does what followed it bring it back
        expect(unfinished).to_be_visible()
        row.click()
        expect(running).to_be_visible()
        cancel(page)
        leave()
        expect(row).to_contain_text("已取消")


def test_a_row_under_way_can_be_cancelled_where_it_is_open_and_then_deleted(
    visit: Visit, recording: Recording, server_url: str
) -> None:
    with no_node(visit), visit("/") as page:
        row, running = open_running(page, recording("从历史取消.wav"), server_url)
        expect(page.locator(".asr-detail [data-event=remove]")).to_have_count(0)
        page.locator(".asr-detail").get_by_role("button", name="取消").click()
        expect(page.locator(".asr-detail .asr-failure.cancelled")).to_be_visible()
        expect(running).to_have_count(0)
        page.wait_for_timeout(1_000)  # what followed it draws nothing of it any more
        expect(page.locator(".asr-detail .asr-failure.cancelled")).to_be_visible()
        page.click(".asr-back")
        expect(row).to_contain_text("已取消")
        row.click()
        page.locator(".asr-detail [data-event=remove]").click()
        page.locator(".asr-dialog .danger").click()
        expect(page.locator(".asr-empty")).to_be_visible()


def test_an_address_opens_its_recognition_survives_a_reload_and_can_be_copied(
    visit: Visit, recording: Recording, server_url: str
) -> None:
    with visit("/") as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        mine = send(page, server_url, recording("地址.wav"))["id"]
        go(page, f"{server_url}/history?r={mine}")
        expect(page.locator(".asr-detail h1")).to_have_text("地址.wav")
        page.reload()
        expect(page.locator(".asr-detail h1")).to_have_text("地址.wav")
        page.click("[data-copy-link]")
        expect(page.locator(".asr-toast")).to_have_text("已复制链接")
        assert page.evaluate("navigator.clipboard.readText()") == f"{server_url}/history?r={mine}"
        page.click(".asr-back")
        expect(page.locator(".asr-row")).to_have_attribute("href", f"./history?r={mine}")
    for address in (mine, "0192f0c1-0000-7000-8000-000000000001", "no-id"):
        with visit(f"/history?r={address}") as other:
            expect(other.locator(".asr-failure")).to_contain_text("找不到这条记录")
            assert other.locator(".asr-result, [data-copy-link]").count() == 0
            other.click(".asr-back")
            expect(other.locator(".asr-empty")).to_be_visible()
            assert other.url == f"{server_url}/history"


def choose(page: Page, field: str, *options: str) -> None:
    page.locator(f"#asr-{field} input").click()
    for option in options:
        page.locator(f"#asr-{field}").get_by_role("option", name=option, exact=True).click()
    page.keyboard.press("Escape")


def test_filters_narrow_the_list_are_counted_outlive_a_row_and_the_other_language_and_can_be_cleared(
    visit: Visit, recording: Recording, server_url: str
) -> None:
    with visit("/") as page:
        level = fresh_level()
        send(page, server_url, recording("接口来的.wav", level=level))
        send(page, server_url, recording("命令行又来.wav", level=level), source="cli")
        send(page, server_url, recording("命令行新来.wav"), source="cli")
        go(page, f"{server_url}/history")
        names, title = page.locator(".asr-row b"), page.locator("#asr-more-filters > button")
        everything = ["命令行新来.wav", "命令行又来.wav", "接口来的.wav"]
        expect(names).to_have_text(everything)
        expect(page.locator("#asr-clear-filters")).to_have_count(0)

        title.click()
        choose(page, "nodes", "本机")
        choose(page, "sources", "命令行", "批量")
        expect(names).to_have_text(everything[:2])
        choose(page, "caches", "缓存命中")
        expect(names).to_have_text(["命令行又来.wav"])
        expect(title).to_have_text(re.compile(r"更多筛选 · 3"))
        page.click(".asr-row")
        expect(page.locator(".asr-detail h1")).to_have_text("命令行又来.wav")
        page.click(".asr-back")
        expect(names).to_have_text(["命令行又来.wav"])

        page.locator("#asr-search input, #asr-search textarea").fill("命令行")
        title.click()
        page.click("[data-language-toggle]")
        expect(title).to_have_text(re.compile("More filters · 3"))
        expect(names).to_have_text(["命令行又来.wav"])
        expect(page.locator("#asr-search textarea")).to_have_value("命令行")
        title.click()
        expect(page.locator("#asr-nodes .token")).to_have_text("This machine")
        expect(page.locator("#asr-sources .token")).to_have_text(["CLI", "Batch"])

        page.locator("#asr-nodes .token-remove").first.click()
        page.locator("#asr-nodes input").fill("节点七")
        page.keyboard.press("Enter")
        expect(page.locator(".asr-empty")).to_have_text("No recording matches.")
        page.click("#asr-clear-filters")
        expect(names).to_have_text(everything[:2])  # the search stays
        expect(title).to_have_text(re.compile("^More filters(?! ·)"))
        expect(page.locator("#asr-more-filters .token")).to_have_count(0)
        page.locator("#asr-search textarea").fill("")
        expect(names).to_have_text(everything)


def test_a_range_of_days_is_that_of_the_reader_and_all_that_it_finds_is_exported(
    visit: Visit, recording: Recording, server_url: str
) -> None:
    with visit("/", timezone_id="Pacific/Kiritimati") as page:  # 14 hours before UTC: another day than the server's
        made = send(page, server_url, recording("哪一天.wav"))["created_at"]
        day = datetime.fromisoformat(made) + timedelta(hours=14)
        go(page, f"{server_url}/history")
        rows = page.locator(".asr-row")
        expect(rows).to_have_count(1)
        page.locator("#asr-more-filters > button").click()

        def write(field: str, moment: datetime) -> None:
            page.locator(f"#asr-{field} input.time").fill(f"{moment:%Y-%m-%d}")
            page.keyboard.press("Enter")

        write("last-day", day - timedelta(days=1))
        expect(page.locator(".asr-empty")).to_be_visible()
        write("last-day", day)
        expect(rows).to_have_count(1)
        write("first-day", day + timedelta(days=1))
        expect(page.locator(".asr-empty")).to_be_visible()
        write("first-day", day)
        expect(rows).to_have_count(1)
        with page.expect_download() as saved:
            page.locator("#asr-export-all summary").click()
            page.locator("#asr-export-all [data-format=txt]").click()
        assert saved.value.suggested_filename == "哪一天.txt"


def test_all_that_search_finds_is_deleted_after_a_question_that_says_how_many(
    visit: Visit, recording: Recording, server_url: str
) -> None:
    with visit("/") as page:
        level = fresh_level()
        for name in ("删一.wav", "删二.wav", "留着.wav"):
            send(page, server_url, recording(name, level=level))
        go(page, f"{server_url}/history")
        names, dialog = page.locator(".asr-row b"), page.locator(".asr-dialog")
        page.locator("#asr-search textarea, #asr-search input").fill("删")
        expect(names).to_have_count(2)
        page.click("#asr-delete-all button")
        expect(dialog.locator("p")).to_contain_text("找到的全部记录（2 条）")
        dialog.get_by_text("取消", exact=True).click()
        expect(names).to_have_count(2)
        page.click("#asr-delete-all button")
        dialog.get_by_text("删除", exact=True).click()
        expect(page.get_by_text("已删除 2 条。")).to_be_visible()
        expect(page.locator(".asr-empty")).to_be_visible()
        expect(page.locator("#asr-delete-all")).not_to_be_visible()
        page.locator("#asr-search textarea, #asr-search input").fill("")
        expect(names).to_have_text(["留着.wav"])


def test_a_recording_that_is_held_says_why_and_cannot_be_deleted(
    visit: Visit, recording: Recording, server_url: str
) -> None:
    with visit("/") as page:
        row = send(page, server_url, recording("要留的.wav"))
        go(page, f"{server_url}/history?r={row['id']}")
        line = page.locator(".asr-retention")
        expect(line).to_contain_text("音频将于 6 天后删除")
        line.get_by_text("保留…").click()
        expect(page.locator(".asr-asking .primary")).to_be_disabled()
        page.locator(".asr-asking input").fill("客户投诉 <b>")
        page.keyboard.press("Enter")
        expect(line).to_contain_text("录音已保留：客户投诉 <b>")

        # No question that could only be refused.
        page.locator(".asr-detail header .danger").click()
        expect(page.locator(".asr-toast")).to_have_text("这条已保留，请先解除保留。")
        expect(page.locator(".asr-dialog")).to_have_count(0)
        line.get_by_text("解除保留").click()
        page.locator(".asr-dialog .danger").click()
        expect(line).to_contain_text("音频将于 6 天后删除")
        shown = page.request.get(f"{server_url}/v1/recognitions/{row['id']}").json()
        assert shown["hold"] is None and shown["audio_expires_at"]


@pytest.mark.parametrize(("status", "said"), [(404, "录音已删除"), (503, "暂时取不到录音")])
def test_a_recording_that_cannot_be_fetched_is_not_called_unplayable(
    visit: Visit, recording: Recording, server_url: str, status: int, said: str
) -> None:
    with visit("/") as page:
        row = send(page, server_url, recording("取不到的.wav"))
        page.route("**/audio", lambda route: route.fulfill(status=status))
        go(page, f"{server_url}/history?r={row['id']}")
        expect(page.locator("asr-player .note")).to_contain_text(said)
