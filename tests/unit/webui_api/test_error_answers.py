import logging
from pathlib import Path
from typing import Any

import pytest

import domain.errors as errors
from domain.errors import SpeechError
from domain.recognition import Status
from tests.helpers.web_api import ROW_ID, WebApi, a_row
from webui.errors import answer, failure_of, status_of

EVERY_KIND = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SpeechError)]
FILE = {"file": ("a.wav", b"RIFF")}


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_error_has_a_status_and_keeps_its_code(kind: type[SpeechError]) -> None:
    error = kind("what happened", field="x")
    assert 400 <= status_of(error) < 600
    assert answer("/v1/recognitions", error).status_code == status_of(error)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.BadAudio, 400),
        (errors.InvalidOptions, 400),
        (errors.UploadTooLarge, 413),
        (errors.AudioTooLong, 413),
        (errors.NotFound, 404),
        (errors.AccessDenied, 403),
        (errors.NoNodeAvailable, 503),
        (errors.StorageUnavailable, 503),
        (errors.DeadlineExceeded, 504),
        (errors.RecognitionFailed, 502),
        (errors.RecognitionCancelled, 409),
        (SpeechError, 500),
    ],
)
def test_statuses(kind: type[SpeechError], status: int) -> None:
    assert status_of(kind()) == status


def test_a_row_without_text_becomes_its_error_with_its_id() -> None:
    failed = a_row(
        status=Status.FAILED, error={"code": "bad_audio", "message": "no", "details": {"reason": "too_short"}}
    )
    error = failure_of(failed)
    assert isinstance(error, errors.BadAudio)
    assert error.details == {"reason": "too_short", "recognition_id": ROW_ID}
    assert isinstance(failure_of(a_row(status=Status.CANCELLED)), errors.RecognitionCancelled)
    assert isinstance(failure_of(a_row(status=Status.RUNNING)), errors.DeadlineExceeded)
    assert failure_of(a_row()) is None


async def test_each_door_has_its_own_shape(tmp_path: Path) -> None:
    failed: dict[str, Any] = {"code": "bad_audio", "message": "no sound", "details": {"reason": "empty"}}
    api = WebApi(tmp_path, row=a_row(status=Status.FAILED, error=failed))
    async with api.client() as client:
        openai = await client.post("/v1/audio/transcriptions", files=FILE)
        assert openai.status_code == 400
        assert openai.json() == {
            "error": {
                "message": f"no sound (id {ROW_ID})",
                "type": "invalid_request_error",
                "param": None,
                "code": "bad_audio",
            }
        }
        assert openai.headers["x-asr-recognition-id"] == ROW_ID
        old = await client.post("/recognize", files={"audio": ("a.wav", b"RIFF")})
        assert old.json() == {"code": 400, "msg": f"no sound (id {ROW_ID})", "result": None}
        (api.upload_dir / "a.wav").write_bytes(b"RIFF")
        own = await client.post("/api/predict/", json={"data": [str(api.upload_dir / "a.wav"), "", "auto", True]})
        assert own.json() == {"error": {**failed, "id": ROW_ID}}
        assert own.status_code == 400


@pytest.mark.parametrize(
    ("kind", "retried"),
    [(errors.RecognitionFailed, "false"), (errors.RecognitionCancelled, "false"), (errors.NoNodeAvailable, None)],
)
async def test_the_openai_package_is_told_what_not_to_try_again(
    tmp_path: Path, kind: type[SpeechError], retried: str | None
) -> None:
    async with WebApi(tmp_path, error=kind()).client() as client:
        answered = await client.post("/v1/audio/transcriptions", files=FILE)
        assert answered.headers.get("x-should-retry") == retried
        assert ("retry-after" in answered.headers) == (retried is None)


async def test_the_unforeseen_says_only_where_the_log_has_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    api = WebApi(tmp_path, error=ZeroDivisionError("a password in a traceback"))
    async with api.client() as client:
        with caplog.at_level(logging.ERROR):
            answered = await client.post("/v1/recognitions", files=FILE)
        assert answered.status_code == 500
        body = answered.json()["error"]
        assert body["code"] == "internal_error"
        assert "password" not in answered.text
        assert body["id"] in caplog.text
        assert "ZeroDivisionError" in caplog.text
        assert (await client.post("/v1/audio/transcriptions", files=FILE)).json()["error"]["type"] == "server_error"
        assert answered.headers["x-content-type-options"] == "nosniff"


async def test_an_unknown_address_below_v1_is_answered_as_json(tmp_path: Path) -> None:
    async with WebApi(tmp_path).client() as client:
        for method, path in (("GET", "/v1/nothing"), ("PUT", "/v1/recognitions"), ("GET", "/v1/audio/transcriptions")):
            answered = await client.request(method, path)
            assert answered.status_code == 404
            assert answered.json()["error"]["code"] == "not_found"
