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
