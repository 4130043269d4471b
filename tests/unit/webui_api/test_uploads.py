"""The limit on uploads, over a real socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from cli.remote import RemoteServer
from domain.options import RecognitionOptions
from services.filenames import UNNAMED
from tests.helpers.web_api import WebApi, served

LIMIT_BYTES = 3_000_000
CHUNK = bytes(64 * 1024)


def chunks(total_bytes: int) -> Iterator[bytes]:
    for _ in range(total_bytes // len(CHUNK)):
        yield CHUNK


def form(total_bytes: int) -> Iterator[bytes]:
    yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    yield from chunks(total_bytes)
    yield b"\r\n--x--\r\n"


@pytest.fixture
def api(tmp_path: Path) -> WebApi:
    return WebApi(tmp_path, max_upload_bytes=LIMIT_BYTES)


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("multipart", [True, False])
def test_too_large_a_file_is_refused_and_leaves_nothing(api: WebApi, announced: bool, multipart: bool) -> None:
    size = 8 * 1024 * 1024
    body = b"".join(form(size)) if multipart else bytes(size)
    content = body if announced else (form(size) if multipart else chunks(size))
    headers = {"content-type": "multipart/form-data; boundary=x" if multipart else "audio/wav"}
    with served(api.app) as url:
        answer = httpx.post(f"{url}/v1/recognitions", content=content, headers=headers, timeout=60)
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "upload_too_large"
        assert answer.json()["error"]["details"] == {"limit_bytes": LIMIT_BYTES}
    assert list(api.temp_dir.iterdir()) == []
    assert api.transcription.given == {}


def test_what_fits_arrives_whole(api: WebApi) -> None:
    size = LIMIT_BYTES // len(CHUNK) * len(CHUNK)
    with served(api.app) as url:
        headers = {"content-type": "multipart/form-data; boundary=x"}
        answer = httpx.post(f"{url}/v1/recognitions", content=form(size), headers=headers, timeout=60)
    assert answer.status_code == 202
    assert api.transcription.content == bytes(size)


def test_a_caller_that_goes_away_leaves_nothing(api: WebApi) -> None:
    with served(api.app) as url:
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as caller:
            head = f"POST /v1/recognitions HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 100000\r\n\r\n"
            caller.sendall(head.encode() + bytes(1000))
        # The next request is answered after the server saw the first one's end.
        assert httpx.get(f"{url}/healthz", timeout=60).status_code == 200
    assert list(api.temp_dir.iterdir()) == []
    assert api.transcription.given == {}


def test_names_from_outside_stay_names(api: WebApi) -> None:
    with served(api.app) as url:
        for name in ("../../../etc/cron.d/x.wav", "emoji 🎤.wav", "C:\\a\\b.wav", "a" * 3000):
            answer = httpx.post(f"{url}/v1/recognitions", files={"file": (name, b"RIFF")}, timeout=60)
            assert answer.status_code == 202
            path: Path = api.transcription.given["path"]
            assert path.parent == api.temp_dir
            assert path.name.startswith("upload-")


def test_what_comes_without_a_name_is_called_unnamed(api: WebApi) -> None:
    with served(api.app) as url:
        address = f"{url}/v1/recognitions"
        for sent in ({"files": {"file": ("blob", b"RIFF")}}, {"content": b"RIFF"}):
            assert httpx.post(address, **sent, timeout=60).status_code == 202
            assert api.transcription.given["filename"] == UNNAMED
        # A browser's word for what is no file comes in forms only.
        httpx.post(address, params={"filename": "blob"}, content=b"RIFF", timeout=60)
        assert api.transcription.given["filename"] == "blob"


def test_a_form_of_endless_fields_is_refused(api: WebApi) -> None:
    with served(api.app) as url:
        large = httpx.post(f"{url}/v1/recognitions", files={"hotwords": (None, "x" * 2_000_000)}, timeout=60)
        assert large.status_code == 400
        many = [("hotwords", (None, "x"))] * 200
        assert httpx.post(f"{url}/v1/recognitions", files=many, timeout=60).status_code == 400


@pytest.mark.parametrize("name", ["our 'call' \"two\" 😀 & co.wav", "100%22.wav", "a+b %2B?.wav", "换行\n.wav"])
async def test_the_command_line_sends_every_name_as_it_is(api: WebApi, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"RIFF")
    with served(api.app) as url:
        async with RemoteServer(url) as server:
            rows = [row async for row in server.transcribe(tmp_path / name, RecognitionOptions())]
    assert [row["status"] for row in rows] == ["succeeded"]
    assert api.transcription.given["filename"] == name
    assert api.transcription.content == b"RIFF"


async def test_a_name_that_is_no_text_is_sent_all_the_same(api: WebApi, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xb5\xe7\xbb\xb0.wav"))  # 电话.wav in GBK
    path.write_bytes(b"RIFF")
    with served(api.app) as url:
        async with RemoteServer(url) as server:
            assert [row async for row in server.transcribe(path, RecognitionOptions())]
    assert api.transcription.given["filename"].endswith(".wav")
