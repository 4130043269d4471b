"""A browser becomes an administrator's on a server that asks for the token, and ceases to be one."""

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.helpers.browser import Visitors, go
from tests.helpers.server import running_server

TOKEN = "an-admin-token-of-the-tests"


def send(page: Page, token: str) -> None:
    page.get_by_label("管理员令牌").fill(token)
    with page.expect_response("**/v1/admin/login"):
        page.get_by_role("button", name="登录").click()


def test_a_visitor_signs_in_out_and_is_told_why_not(browser: Browser, tmp_path: Path) -> None:
    with (
        # Nothing is recognised here: its node need not load a model.
        running_server(tmp_path / "data", ASR_ADMIN_TOKEN=TOKEN, ASR_ALLOW_OPEN="1", ASR_MODEL_LOAD="demand") as server,
        Visitors(browser).one(locale="zh-CN") as page,
    ):
        problem = page.locator(".asr-admin [role=alert]")
        go(page, f"{server.url}/nodes")
        expect(page.locator(".asr-sentence")).to_have_text("一切正常")
        expect(page.get_by_label("管理员令牌")).not_to_be_visible()
        page.get_by_text("管理员登录").click()
        send(page, "a-wrong-token")
        expect(problem).to_have_text("令牌不对，请检查后再试。")
        assert page.locator(".asr-card").count() == 0

        send(page, TOKEN)
        expect(page.locator(".asr-card")).to_contain_text("本机")
        assert TOKEN not in page.url and page.locator(".asr-admin form").count() == 0

        page.get_by_role("button", name="退出管理员").click()
        page.get_by_text("管理员登录").click()
        assert page.locator(".asr-card").count() == 0
        for _ in range(4):
            assert page.request.post(f"{server.url}/v1/admin/login", data={"token": "a guess"}).status == 401
        send(page, TOKEN)
        expect(problem).to_have_text("输错的次数太多，请等一分钟再试。")
        with page.expect_response(lambda answer: "queue/data" in answer.url):
            pass  # the page has looked again, and what was typed stays
        expect(page.get_by_label("管理员令牌")).to_have_value(TOKEN)
