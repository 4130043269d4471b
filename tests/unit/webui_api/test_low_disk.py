"""While the disk is nearly full nothing new begins, and whoever sends something gets to read why."""

from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from checks import checks
from domain.access import Visitor
from domain.errors import LowDisk
from domain.history import HistoryQuery
from services.disk_space import DiskSpace
from services.export_files import ExportFiles
from services.exports import Exports, Wanted
from settings import Settings
from tests.helpers.web_api import ROW_ID, FakeStore, WebApi, a_row, served

#: More than any disk holds.
TOO_MUCH = 1 << 60
UPLOADS = (
    "/v1/recognitions",
    "/v1/audio/transcriptions",
    "/recognize",
    "/api/predict/",
    "/gradio_api/upload",
    "/upload",
)


@pytest.mark.parametrize("path", UPLOADS)
async def test_uploads_are_refused_before_they_begin(tmp_path: Path, path: str) -> None:
    api = WebApi(tmp_path, space=DiskSpace(tmp_path, TOO_MUCH))
    async with api.client() as client:
        answer = await client.post(path, files={"file": ("a.wav", bytes(300_000))})
    body = answer.json()
    error = body["error"] if "error" in body else {"code": body["code"], "message": body["msg"]}
    assert answer.status_code == 507
    assert error["code"] in ("low_disk", 507) and "nearly full" in error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert not api.transcription.given
    assert not api.temp_dir.exists() or not list(api.temp_dir.iterdir())


async def test_what_brings_no_file_goes_on(tmp_path: Path) -> None:
    api = WebApi(tmp_path, space=DiskSpace(tmp_path, TOO_MUCH))
    async with api.client() as client:
        for method, path in (("get", "/v1/recognitions"), ("post", f"/v1/recognitions/{ROW_ID}/again")):
            assert (await client.request(method, path)).status_code < 300
        assert (await client.delete("/v1/recognitions?all=true")).status_code == 200


@pytest.mark.parametrize("min_free_bytes", [0, 1])
async def test_with_room_they_are_taken(tmp_path: Path, min_free_bytes: int) -> None:
    api = WebApi(tmp_path, space=DiskSpace(tmp_path, min_free_bytes))
    async with api.client() as client:
        assert (await client.post("/v1/recognitions", content=b"RIFF")).status_code == 202


def test_over_a_socket_the_sender_reads_why(tmp_path: Path) -> None:
    app = WebApi(tmp_path, space=DiskSpace(tmp_path, TOO_MUCH)).app
    # This client sends everything before it reads, and wants nothing else on the connection.
    with served(app) as url, closing(HTTPConnection(urlsplit(url).netloc, timeout=10)) as sender:
        sender.request("POST", "/v1/recognitions", bytes(20_000_000), {"connection": "close"})
        assert sender.getresponse().status == 507


async def test_no_export_is_written_to_a_full_disk(tmp_path: Path) -> None:
    exports = Exports(FakeStore([a_row()]))  # type: ignore[arg-type]
    files = ExportFiles(exports, tmp_path, min_free_bytes=TOO_MUCH)
    with pytest.raises(LowDisk):
        await anext(files.make(Wanted(HistoryQuery(None)), visitor=Visitor("me")))
    assert not list(tmp_path.iterdir())
    exports.close()


def test_doctor_says_so_by_the_same_measure(tmp_path: Path) -> None:
    found = dict(checks(Settings(data_dir=tmp_path, min_free_mb=1)))
    assert "GB free" in found["data"]()
    found = dict(checks(Settings(data_dir=tmp_path, min_free_mb=TOO_MUCH // 1_000_000)))
    with pytest.raises(OSError, match="ASR_MIN_FREE_MB"):
        found["data"]()
