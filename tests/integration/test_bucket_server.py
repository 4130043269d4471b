"""The whole program with its recordings in a bucket, where none is kept."""

import time
from pathlib import Path

import httpx
import pytest

from domain.ids import new_id
from tests.helpers.s3_server import ACCESS_KEY, SECRET_KEY, S3Server
from tests.helpers.server import running_server


@pytest.mark.long
def test_a_recording_lies_in_the_bucket_and_goes_when_the_work_is_done(
    s3_server: S3Server, speech_wav: Path, tmp_path: Path
) -> None:
    prefix = new_id()
    settings = {
        "ASR_AUDIO_STORE": s3_server.url(prefix),
        "ASR_S3_ACCESS_KEY": ACCESS_KEY,
        "ASR_S3_SECRET_KEY": SECRET_KEY,
        "ASR_AUDIO_RETENTION": "0",
    }
    with running_server(tmp_path / "data", **settings) as server, httpx.Client(base_url=server.url, timeout=60) as http:
        with speech_wav.open("rb") as file:
            row = http.post("/v1/recognitions", files={"file": ("a.wav", file)}).json()
        assert len(s3_server.objects(prefix)) == 1
        done = http.get(f"/v1/recognitions/{row['id']}", params={"wait": 60}, timeout=90).json()
        assert done["status"] == "succeeded" and done["text"]
        deadline = time.monotonic() + 20
        while s3_server.objects(prefix):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        gone = http.get(f"/v1/recognitions/{row['id']}/audio")
        assert (gone.status_code, gone.json()["error"]["details"]["reason"]) == (404, "audio_gone")
        shown = http.get(f"/v1/recognitions/{row['id']}").json()
        assert (shown["text"], shown["audio_expires_at"]) == (done["text"], None)
        assert not (tmp_path / "data" / "audio").exists()
    assert SECRET_KEY not in server.log.read_text(errors="replace")
