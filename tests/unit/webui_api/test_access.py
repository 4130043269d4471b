import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, WebSocket
from itsdangerous import TimestampSigner
from starlette.responses import HTMLResponse, JSONResponse, Response

from domain.errors import AccessDenied
from tests.helpers.web_api import SECRET, client_of
from webui.access import LOGIN_ATTEMPTS, Access

BROWSER = {"accept": "text/html,application/xhtml+xml"}


def an_app(**options: Any) -> FastAPI:
    """Says who asks: as a page, as JSON, under a protected path."""
    access = Access(**{"secret": SECRET, **options})
    app = FastAPI(openapi_url=None)

    @app.get("/")
    async def page(request: Request) -> Response:
        return HTMLResponse(access.visitor(request).user)

    @app.api_route("/who", methods=["GET", "POST"])
    @app.api_route("/v1/who", methods=["GET", "POST"])
    @app.api_route("/gradio_api/run/who", methods=["POST"])
    @app.api_route("/gradio_api/{rest:path}", methods=["GET"])
    async def who(request: Request) -> Response:
        visitor = access.visitor(request)
        return JSONResponse({"user": visitor.user, "admin": visitor.is_admin})

    @app.post("/login")
    async def login(request: Request) -> Response:
        return JSONResponse({}, headers={"set-cookie": access.log_in(request, (await request.body()).decode())})

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_json({"user": access.visitor(socket).user})
        await socket.close()

    access.guard(app)
    return app


async def test_a_browser_gets_a_cookie_with_its_first_page_and_stays_the_same_user() -> None:
    async with client_of(an_app()) as browser:
        first = await browser.get("/", headers=BROWSER)
        cookie = first.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(re.split(r";\s*", cookie))
        assert "Secure" not in cookie
        assert int(re.search(r"Max-Age=(\d+)", cookie)[1]) > 300 * 86400  # type: ignore[index]
        again = await browser.get("/", headers=BROWSER)
        assert again.text == first.text
        assert again.text.startswith("visitor:")
        assert "set-cookie" not in again.headers
        assert (await browser.get("/who")).json()["user"] == first.text


async def test_the_cookie_is_secure_over_https() -> None:
    transport = httpx.ASGITransport(app=an_app())  # pyright: ignore[reportArgumentType]
    async with httpx.AsyncClient(transport=transport, base_url="https://localhost") as browser:
        assert "Secure" in (await browser.get("/", headers=BROWSER)).headers["set-cookie"]


async def test_programs_on_this_machine_are_the_user_local_and_get_no_cookie() -> None:
    async with client_of(an_app()) as curl:
        answer = await curl.get("/", headers={"accept": "*/*"})
        assert answer.text == "local"
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("forged", ["visitor:somebody", "visitor:somebody.abc.def", "x" * 5000, ""])
async def test_a_forged_cookie_is_worth_nothing(forged: str) -> None:
    async with client_of(an_app()) as client:
        assert (await client.get("/who", headers={"cookie": f"asr_visitor={forged}"})).json()["user"] == "local"


async def test_a_cookie_signed_with_another_secret_or_for_another_use_is_worth_nothing() -> None:
    other = TimestampSigner(b"x" * 32, salt="asr-visitor").sign("visitor:boss").decode()
    admin_as_visitor = TimestampSigner(SECRET, salt="asr-admin").sign("visitor:boss").decode()
    async with client_of(an_app()) as client:
        for value in (other, admin_as_visitor):
            assert (await client.get("/who", headers={"cookie": f"asr_visitor={value}"})).json()["user"] == "local"


async def test_whoever_sits_at_the_machine_is_its_administrator_while_there_is_no_token() -> None:
    app = an_app()

    async def is_admin(peer: str, host: str, **headers: str) -> bool:
        async with client_of(app, peer, host, **headers) as client:
            return (await client.get("/who")).json()["admin"]

    assert await is_admin("127.0.0.1", "localhost:7860")
    assert await is_admin("::1", "[::1]:7860")
    for name in ("x-forwarded-for", "x-forwarded-host", "forwarded", "x-real-ip", "x-forwarded-proto"):
        assert not await is_admin("127.0.0.1", "localhost:7860", **{name: "127.0.0.1"})


async def test_a_token_is_asked_on_the_machine_itself_too() -> None:
    """nginx's bare ``proxy_pass http://127.0.0.1:7860`` hides that its callers are elsewhere."""
    async with client_of(an_app(admin_token="a-long-admin-token"), "127.0.0.1", "127.0.0.1:7860") as proxy:
        await proxy.get("/", headers=BROWSER)
        assert not (await proxy.get("/who")).json()["admin"]
        assert (await proxy.get("/who", headers={"x-asr-admin-token": "a-long-admin-token"})).json()["admin"]
        assert (await proxy.post("/login", content="a-long-admin-token")).status_code == 200
        assert (await proxy.get("/who")).json()["admin"]


async def test_nobody_is_an_administrator_of_an_open_server_without_the_token() -> None:
    app = an_app(admin_token="a-long-admin-token", is_loopback=False, allow_open=True)
    async with client_of(app, "127.0.0.1", "localhost:7860") as client:
        assert not (await client.get("/who")).json()["admin"]
        assert (await client.get("/who", headers={"x-asr-admin-token": "a-long-admin-token"})).json()["admin"]
        wrong = await client.get("/who", headers={"x-asr-admin-token": "a-long-admin-tokem"})
        assert wrong.status_code == 401


async def test_without_an_admin_token_no_token_opens() -> None:
    async with client_of(an_app(is_loopback=False, allow_open=True)) as client:
        assert (await client.get("/who", headers={"x-asr-admin-token": ""})).json()["admin"] is False
        assert (await client.get("/who", headers={"x-asr-admin-token": "x"})).status_code == 401


async def test_a_browser_logs_in_as_administrator_until_the_token_changes() -> None:
    options: dict[str, Any] = {"is_loopback": False, "allow_open": True}
    async with client_of(an_app(admin_token="first-token", **options), "10.0.0.9", "asr.example") as browser:
        assert (await browser.post("/login", content="first-token")).status_code == 200
        assert (await browser.get("/who")).json()["admin"]
        cookies = dict(browser.cookies)
    async with client_of(an_app(admin_token="second-token", **options), "10.0.0.9", "asr.example") as browser:
        browser.cookies.update(cookies)
        assert not (await browser.get("/who")).json()["admin"]


async def test_guessing_the_admin_token_is_slow() -> None:
    now = [0.0]
    app = an_app(admin_token="the-token", is_loopback=False, allow_open=True, clock=lambda: now[0])
    async with client_of(app, "10.0.0.9", "asr.example") as thief, client_of(app, "10.0.0.8", "asr.example") as boss:
        for number in range(LOGIN_ATTEMPTS):
            answer = await thief.get("/who", headers={"x-asr-admin-token": f"guess {number}"})
            assert answer.status_code == 401
        assert (await thief.get("/who", headers={"x-asr-admin-token": "the-token"})).status_code == 429
        assert (await boss.get("/who", headers={"x-asr-admin-token": "the-token"})).status_code == 200
        now[0] = 61.0
        assert (await thief.get("/who", headers={"x-asr-admin-token": "the-token"})).status_code == 200


async def test_api_keys_name_their_callers_and_are_wanted_of_whoever_opened_no_page() -> None:
    app = an_app(api_keys={"crm": "key-of-the-crm"}, is_loopback=True)
    async with client_of(app) as client:
        for path in ("/v1/who", "/gradio_api/run/who"):
            assert (await client.post(path)).status_code == 401
        crm = await client.post("/v1/who", headers={"authorization": "Bearer key-of-the-crm"})
        assert crm.json() == {"user": "api:crm", "admin": False}
        unknown = await client.get("/who", headers={"authorization": "Bearer another-key"})
        assert unknown.status_code == 401
        assert unknown.json()["error"]["code"] == "access_denied"
        assert (await client.get("/who")).status_code == 200
        await client.get("/", headers=BROWSER)
        assert (await client.post("/v1/who")).status_code == 200


async def test_without_configured_keys_any_key_will_do() -> None:
    async with client_of(an_app()) as client:
        answer = await client.get("/v1/who", headers={"authorization": "Bearer sk-anything"})
        assert answer.json()["user"] == "local"


async def test_callers_elsewhere_are_told_apart_and_none_can_claim_to_be_another() -> None:
    app = an_app(is_loopback=False, allow_open=True)

    async def user(peer: str, forwarded: str | None = None) -> str:
        headers = {"x-forwarded-for": forwarded} if forwarded else {}
        async with client_of(app, peer, "asr.example", **headers) as client:
            return (await client.get("/who")).json()["user"]

    proxy, alice = "10.0.0.1", "10.0.0.7"
    assert await user(alice) == await user(alice)
    assert await user(proxy, alice) == await user(proxy, f"1.2.3.4, {alice}")
    users = [await user(alice), await user(proxy, alice), await user(proxy, "10.0.0.8"), await user("10.0.0.8", alice)]
    assert len(set(users)) == 4
    assert "10.0.0" not in "".join(users)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "0.0.0.0:7860", ""])
async def test_a_local_server_answers_to_local_names_only(host: str) -> None:
    async with client_of(an_app()) as client:
        answer = await client.get("/who", headers={"host": host})
        assert answer.status_code == 403
        assert "ASR_ALLOW_OPEN=1" in answer.json()["error"]["message"]
        page = await client.get("/", headers={"host": host, **BROWSER})
        assert page.status_code == 403
        assert "本机" in page.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:7860", "127.0.0.1:1", "[::1]:7860", "asr.localhost:7860"])
async def test_local_names_are_let_in(host: str) -> None:
    async with client_of(an_app()) as client:
        assert (await client.get("/who", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:3000"},
        {"origin": "http://127.0.0.1:7860.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
        {"sec-fetch-site": "same-site", "origin": "http://localhost:3000"},
    ],
)
async def test_pages_of_other_sites_cannot_post(headers: dict[str, str]) -> None:
    async with client_of(an_app()) as client:
        answer = await client.post("/who", headers=headers)
        assert answer.status_code == 403
        assert answer.json()["error"]["details"] == {"reason": "cross_site"}


async def test_pages_of_other_sites_cannot_read_but_may_link() -> None:
    async with client_of(an_app()) as client:
        read = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors", "origin": "https://evil.example"}
        assert (await client.get("/who", headers=read)).status_code == 403
        assert (await client.request("OPTIONS", "/who", headers=read)).status_code == 403
        link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", **BROWSER}
        assert (await client.get("/", headers=link)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:7860"},
        {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:7860"},
        {"sec-fetch-site": "none"},
    ],
)
async def test_own_pages_and_programs_can_post(headers: dict[str, str]) -> None:
    async with client_of(an_app()) as client:
        assert (await client.post("/who", headers=headers)).status_code == 200


async def test_behind_a_proxy_its_public_name_counts() -> None:
    async with client_of(an_app(is_loopback=False, allow_open=True), "10.0.0.1", "inner:7860") as client:
        public = {"origin": "https://asr.example", "x-forwarded-host": "asr.example"}
        assert (await client.post("/who", headers=public)).status_code == 200
    async with client_of(an_app()) as client:
        rebound = {"origin": "https://asr.example", "x-forwarded-host": "asr.example"}
        assert (await client.post("/who", headers=rebound)).status_code == 403


async def websocket(app: FastAPI, **headers: str) -> list[dict[str, Any]]:
    """What the server sends to a WebSocket."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "websocket",
        "path": "/live",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 5),
        "scheme": "ws",
        "query_string": b"",
        "subprotocols": [],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def test_websockets_go_through_the_same_door() -> None:
    app = an_app()
    sent = await websocket(app, host="localhost:7860", origin="http://localhost:7860")
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert '"local"' in sent[1]["text"]
    for headers in ({"host": "evil.example"}, {"host": "localhost:7860", "origin": "https://evil.example"}):
        refused = await websocket(app, **headers)
        assert [message["type"] for message in refused] == ["websocket.close"]


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/proxy=https://example.com/x",
        "/gradio_api/file=https://example.com/x",
        "/gradio_api/file=file:///etc/passwd",
        "/gradio_api/custom_component/x/server/y/z",
        "/gradio_api/startup-events",
    ],
)
async def test_gradio_routes_that_no_page_needs_are_closed(path: str) -> None:
    async with client_of(an_app()) as client:
        assert (await client.get(path)).status_code == 404


async def test_every_answer_carries_the_security_headers() -> None:
    async with client_of(an_app()) as client:
        for answer in (await client.get("/who"), await client.get("/who", headers={"host": "evil.example"})):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]


async def test_a_request_that_evaded_the_check_has_no_visitor() -> None:
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    with pytest.raises(AccessDenied):
        Access(secret=SECRET).visitor(Request(scope))
    with pytest.raises(AccessDenied):
        Access(secret=SECRET).visitor(None)
