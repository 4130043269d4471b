"""What the HTML of a page gets on its way out."""

import json

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from domain.labels import MAX_NAME_CHARS, MAX_SPEAKER_NUMBER, Language, as_read, default_name
from webui.i18n import Catalogue
from webui.page_head import PageHead

PAGE = (
    '<!doctype html><html\n\tlang="en"><head><meta property="og:image"\n content="https://elsewhere/x.jpg" />'
    "<script>gradio()</script></head></html>"
)


def client(default_language: str = "auto") -> TestClient:
    async def page(_):
        return HTMLResponse(PAGE)

    async def plain(_):
        return PlainTextResponse("<head>")

    app = Starlette(routes=[Route("/", page), Route("/history", page), Route("/other", page), Route("/nodes", plain)])
    app.add_middleware(
        PageHead,
        catalogue=Catalogue(),
        pages={"/": "page_recognise", "/history": "page_history", "/nodes": "page_nodes"},
        default_language=default_language,
        upload_limits={"zh": "最大 1 GB", "en": 'up to </style>"1 GB'},
        is_admin=lambda request: request.headers.get("x-of-test") == "admin",
    )
    return TestClient(app)


def test_a_page_speaks_the_readers_language_before_gradio_starts() -> None:
    html = client().get("/", headers={"accept-language": "zh-CN"}).text
    assert '<html lang="zh-CN" data-lang="zh">' in html and "<title>语音识别</title>" in html
    assert html.index("navigator, name") < html.index("gradio()")
    assert 'data-lang="en"' in client().get("/", headers={"accept-language": "de"}).text
    assert 'data-lang="zh"' in client("zh").get("/", headers={"accept-language": "en"}).text


def test_the_toggles_cookie_wins() -> None:
    answer = client("zh").get("/", headers={"cookie": "asr_lang=en"})
    assert 'data-lang="en"' in answer.text and "Cookie" in answer.headers["vary"]
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_each_page_has_its_title_and_the_limits_of_uploads() -> None:
    html = client("zh").get("/history").text
    assert "<title>历史 · 语音识别</title>" in html and '--asr-upload-limits: "最大 1 GB";' in html
    assert '--asr-toast-info: "提示";' in html
    assert '</style>"1 GB' not in client("en").get("/").text


def test_the_scripts_are_told_how_long_a_name_may_be() -> None:
    html = client().get("/").text
    assert f'"longest_name": {MAX_NAME_CHARS}' in html and "{ limit: longest_name }" in html


def test_the_scripts_know_the_two_sides_in_the_readers_language() -> None:
    assert '"sides": ["坐席", "客户"]' in client("zh").get("/").text
    assert '"sides": ["Agent", "Customer"]' in client("en").get("/").text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_scripts_know_every_usual_name_as_the_server_takes_it(language: Language) -> None:
    page, _ = json.JSONDecoder().raw_decode(client(language).get("/").text.partition("window.asrPage = ")[2])
    other: Language = "en" if language == "zh" else "zh"
    keys = ["channel0", "channel1", *(f"speaker{number}" for number in range(1, MAX_SPEAKER_NUMBER + 1))]
    names = [default_name(key, other) for key in keys]
    assert page["usual_names"] == {name: as_read(name, language) for name in names}


def test_no_page_names_addresses_elsewhere() -> None:
    assert "https://elsewhere" not in client().get("/").text


def test_everything_else_passes_unchanged() -> None:
    assert client().get("/other").text == PAGE
    assert client().get("/nodes").text == "<head>"


def test_what_is_for_administrators_is_theirs_from_the_first_moment() -> None:
    assert 'data-lang="en" data-admin>' in client().get("/", headers={"x-of-test": "admin"}).text
    assert "data-admin>" not in client().get("/").text
