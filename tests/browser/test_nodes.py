"""节点: 排空 says what it does, and asks where recognitions would wait."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from playwright.sync_api import Page, expect

Visit = Callable[..., AbstractContextManager[Page]]


def test_draining_the_last_node_is_asked_about_first(visit: Visit) -> None:
    with visit("/nodes", admin=True) as page:
        drain = page.locator(".asr-card").get_by_role("button", name="排空")
        expect(drain).to_have_attribute("title", "做完手上的任务，不再接新任务；随时可以恢复")
        drain.click()
        dialog = page.locator(".asr-dialog")
        expect(dialog).to_contain_text("没有其他节点提供这个模型。排空“本机”后")
        expect(dialog.get_by_role("button")).to_have_text(["取消", "排空"])
        with page.expect_response(lambda answer: "queue/data" in answer.url):
            dialog.get_by_role("button", name="取消").click()
        expect(page.locator(".asr-sentence")).to_have_text("一切正常")
        drain.click()
        try:
            dialog.get_by_role("button", name="排空").click()
            expect(page.locator(".asr-node-state")).to_have_text("已排空")
        finally:
            page.locator(".asr-card").get_by_role("button", name="恢复").click()
        expect(page.locator(".asr-sentence")).to_have_text("一切正常")
        expect(dialog).to_have_count(0)


def test_what_is_said_of_a_node_is_kept_and_written_down(visit: Visit) -> None:
    with visit("/nodes", admin=True) as page:
        page.locator(".asr-node-log summary").click()
        more = page.locator(".asr-card").get_by_role("button", name="更多")
        more.click()
        form = page.locator("dialog")
        form.get_by_label("权重").fill("2.5")
        # The page looks for news every two seconds, and what somebody writes stays.
        with page.expect_response(lambda answer: "queue/data" in answer.url):
            pass
        expect(form.get_by_label("权重")).to_have_value("2.5")
        form.get_by_role("button", name="保存").click()
        line = page.locator(".asr-node-log li").first
        expect(line).to_contain_text("修改 本机 · 权重 2.5")
        more.click()
        expect(form.get_by_label("权重")).to_have_value("2.5")
        form.get_by_label("权重").fill("1")
        form.get_by_role("button", name="保存").click()
        expect(line).to_contain_text("权重 1")
        more.click()
        expect(form.get_by_role("button", name="移除")).to_have_count(0)
        form.get_by_role("button", name="测试识别").click()
        expect(page.locator(".toast-body").last).to_contain_text("听到：“")
        page.get_by_role("button", name="添加节点").click()
        form.get_by_label("地址").fill("http://127.0.0.1:9")
        form.get_by_role("button", name="测试并添加").click()
        expect(page.locator(".toast-body.error")).to_contain_text("连不上 http://127.0.0.1:9")
        expect(page.locator(".asr-card")).to_have_count(1)
        # The form is as it was left: what was wrong can be put right.
        page.get_by_role("button", name="添加节点").click()
        expect(form.get_by_label("地址")).to_have_value("http://127.0.0.1:9")
