"""What an address that leads nowhere answers."""

from fastapi import FastAPI
from starlette.testclient import TestClient

from webui.i18n import Catalogue
from webui.lost import answer_unknown_addresses


def client(root_path: str = "") -> TestClient:
    pages = FastAPI()
    app = FastAPI()
    app.mount("/", pages)
    answer_unknown_addresses(app, Catalogue())
    return TestClient(app, root_path=root_path)


def test_a_person_gets_a_page_in_both_languages_with_a_way_home() -> None:
    answer = client().get("/nope", headers={"accept": "text/html,*/*"})
    assert answer.status_code == 404 and answer.headers["content-type"].startswith("text/html")
    assert "没有这个页面" in answer.text and "There is no such page" in answer.text
    assert 'href="/"' in answer.text and "nope" not in answer.text
    assert 'href="/asr/"' in client("/asr").get("/asr/nope", headers={"accept": "text/html"}).text


def test_a_program_gets_the_usual_error() -> None:
    answer = client().get("/nope")
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "not_found"
    assert client().post("/nope/more").json()["error"]["code"] == "not_found"


def test_gradios_own_scripts_get_what_they_expect() -> None:
    assert client().get("/gradio_api/nope", headers={"accept": "text/html"}).json() == {"detail": "Not Found"}
