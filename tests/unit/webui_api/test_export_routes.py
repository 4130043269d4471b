"""``/v1/recognitions/export``: what it gives, to whom, and how it ends."""

import csv
import io
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from domain.access import Visitor
from domain.history import HistoryQuery
from domain.ids import id_of
from domain.recognition import Recognition, Status
from services.exports import Wanted
from tests.helpers.web_api import FakeStore, WebApi, a_row, served

PATH = "/v1/recognitions/export"


def rows(count: int, **changes: Any) -> list[Recognition]:
    return [a_row(id=id_of(10_000 - n, b"0123456789"), filename=f"会议{n}.wav", **changes) for n in range(count)]


def api_with(tmp_path: Path, stored: list[Recognition], **more: Any) -> WebApi:
    api = WebApi(tmp_path, **more)
    api.store.rows = stored
    return api


def name_of(answer: httpx.Response) -> str:
    return unquote(answer.headers["content-disposition"].partition("filename*=UTF-8''")[2])


async def test_a_search_is_one_file_with_a_name(tmp_path: Path) -> None:
    api = api_with(tmp_path, rows(3))
    params = {"format": "csv", "text": "今天", "status": "succeeded", "since": "2026-11-01", "timezone": "+08:00"}
    async with api.client() as client:
        answer = await client.get(PATH, params=params)
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert name_of(answer).startswith("识别历史-") and name_of(answer).endswith(".csv")
    assert 'filename="recognition.csv"' in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "private, no-store"
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert lines[0][0] == "时间 (UTC+08:00)" and [line[1] for line in lines[1:]] == [f"会议{n}.wav" for n in range(3)]
    [query] = api.store.asked
    assert (query.text, query.statuses, str(query.since)) == ("今天", (Status.SUCCEEDED,), "2026-11-01 00:00:00+00:00")


async def test_texts_are_a_zip_when_there_are_many_or_one_is_wanted(tmp_path: Path) -> None:
    stored = rows(2)
    async with api_with(tmp_path, stored).client() as client:
        many = await client.post(PATH, json={"format": "txt", "ids": [row.id for row in stored], "track": "spoken"})
        one = await client.get(PATH, params={"format": "txt", "ids": stored[0].id})
        packed = await client.get(PATH, params={"format": "vtt", "ids": stored[0].id, "zip": "true"})
    with zipfile.ZipFile(io.BytesIO(many.content)) as archive:
        assert archive.read("会议1.txt").decode() == "今天二号\n"
    assert (one.text, name_of(one)) == ("今天2号\n", "会议0.txt")
    assert packed.headers["content-type"] == "application/zip"


async def test_nobody_exports_what_is_anothers(tmp_path: Path) -> None:
    stored = rows(1, user="visitor:ann")
    api = api_with(tmp_path, stored, is_loopback=False, allow_open=True)
    async with api.client(peer="192.0.2.7", host="asr.example") as client:
        answer = await client.post(PATH, json={"format": "csv", "ids": [stored[0].id]})
        await client.get(PATH, params={"format": "csv"})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["reason"] == "nothing_to_export"
    assert api.store.asked[-1].user not in (None, "visitor:ann")
    keyed = tmp_path / "keyed"
    keyed.mkdir()
    async with api_with(keyed, stored, api_keys={"crm": "secret-key"}).client() as client:
        assert (await client.get(PATH)).status_code == 401


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"format": "pdf"}, "format"),
        ({"formt": "csv"}, "formt"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": "+99:00"}, "timezone"),
        ({"since": "tomorrow"}, "since"),
        ({"zip": "perhaps"}, "zip"),
        ({"track": "sung"}, "track"),
        ({"source": "fax"}, "source"),
    ],
)
async def test_a_wrong_field_is_named(tmp_path: Path, params: dict[str, str], field: str) -> None:
    async with api_with(tmp_path, rows(1)).client() as client:
        answer = await client.get(PATH, params=params)
    assert answer.status_code == 400 and answer.json()["error"]["details"]["field"] == field


async def test_a_body_that_is_no_object_and_an_empty_history_are_refused(tmp_path: Path) -> None:
    async with api_with(tmp_path, []).client() as client:
        assert (await client.post(PATH, json=["csv"])).json()["error"]["details"] == {"reason": "not_json"}
        nothing = await client.get(PATH)
    assert (nothing.status_code, nothing.json()["error"]["details"]["reason"]) == (400, "nothing_to_export")


def test_a_file_that_breaks_off_is_no_whole_answer(tmp_path: Path) -> None:
    api = api_with(tmp_path, rows(300))
    api.store = store = FakeStore(rows(300), fails_after=2)
    api.exports._store = store  # type: ignore[assignment]
    with (
        served(api.app) as url,
        pytest.raises(httpx.RemoteProtocolError),
        httpx.stream("GET", f"{url}{PATH}", params={"format": "csv"}, timeout=60) as answer,
    ):
        assert answer.status_code == 200
        for _ in answer.iter_bytes():
            pass


async def test_a_database_that_is_away_is_told_before_there_is_a_file(tmp_path: Path) -> None:
    api = api_with(tmp_path, rows(2))
    api.store.fails_after = 0
    async with api.client() as client:
        answer = await client.get(PATH)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "storage_unavailable")


async def test_what_a_page_had_made_is_fetched_by_its_token(tmp_path: Path) -> None:
    api = api_with(tmp_path, rows(2))
    wanted = Wanted(HistoryQuery(user=None), "csv", language="en")
    *_, (_, token) = [state async for state in api.export_files.make(wanted, visitor=Visitor("local"))]
    async with api.client() as client:
        answer = await client.get(f"/v1/exports/{token}")
        gone = await client.get("/v1/exports/nonsense")
    assert answer.status_code == 200 and answer.content.startswith(b"\xef\xbb\xbf")
    assert name_of(answer).startswith("recognitions-") and answer.headers["content-type"].startswith("text/csv")
    assert gone.status_code == 404
    async with api.client(peer="192.0.2.7") as stranger:
        assert (await stranger.get(f"/v1/exports/{token}")).status_code in (403, 404)
