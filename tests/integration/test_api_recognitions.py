"""``/v1/recognitions`` against the real server and recogniser."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers.levels import fresh_level
from tests.helpers.server import Server
from tests.helpers.speech import RATE, SPEECH_TEXT, noise, say, talk, write_wav


@pytest.fixture
def http(server_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server_url, timeout=120) as client:
        yield client


@pytest.fixture(scope="module")
def long_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many sentences with pauses: enough segments to follow, and to cancel between."""
    sentence = say(SPEECH_TEXT)
    return write_wav(tmp_path_factory.mktemp("long") / "long.wav", talk(*[sentence] * 40))


def submit(http: httpx.Client, path: Path, **fields: Any) -> dict[str, Any]:
    with path.open("rb") as file:
        answer = http.post("/v1/recognitions", files={"file": (path.name, file)}, data=fields)
    assert answer.status_code in (200, 202), answer.text
    return answer.json()


def events(http: httpx.Client, recognition_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    with http.stream("GET", f"/v1/recognitions/{recognition_id}/events") as answer:
        assert answer.status_code == 200
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))


def test_a_recording_is_recognised_and_then_known(http: httpx.Client, speech_wav: Path) -> None:
    first = submit(http, speech_wav, wait=100, hotwords="早会")
    assert first["status"] == "succeeded"
    assert first["text"]
    assert first["segments"][0]["end_ms"] > first["segments"][0]["start_ms"]
    again = submit(http, speech_wav, wait=100, hotwords="早会")
    assert again["id"] != first["id"]
    assert (again["cache"], again["text"]) == ("hit", first["text"])
    anew = submit(http, speech_wav, wait=100, hotwords="早会", use_cache="false")
    assert anew["cache"] == "miss"


def test_following_shows_the_text_as_it_comes(http: httpx.Client, long_wav: Path) -> None:
    row = submit(http, long_wav)
    assert row["status"] == "running"
    seen = list(events(http, row["id"]))
    assert [name for name, _ in seen][-1] == "done"
    assert {name for name, _ in seen[:-1]} <= {"progress"}
    done = [state["progress"]["segment"] for _, state in seen[:-1] if state["progress"]["stage"] == "recognising"]
    assert done == sorted(done)
    assert seen[-1][1]["status"] == "succeeded"
    assert len(seen[-1][1]["segments"]) >= 10
    assert http.get(f"/v1/recognitions/{row['id']}").json() == seen[-1][1]


def test_cancelling(http: httpx.Client, tmp_path: Path) -> None:
    sentence = say(SPEECH_TEXT, voice="m3")
    row = submit(http, write_wav(tmp_path / "endless.wav", talk(*[sentence] * 300, gap_seconds=0.9)))
    cancelled = http.post(f"/v1/recognitions/{row['id']}/cancel")
    assert cancelled.json()["status"] == "cancelled"
    assert http.get(f"/v1/recognitions/{row['id']}", params={"wait": 5}).json()["status"] == "cancelled"
    exported = http.get(f"/v1/recognitions/{row['id']}/export")
    assert exported.status_code == (200 if cancelled.json()["segments"] else 400)


def test_again_with_other_options_keeps_the_recording(http: httpx.Client, speech_wav: Path) -> None:
    row = submit(http, speech_wav, wait=100)
    again = http.post(f"/v1/recognitions/{row['id']}/again", json={"itn": False})
    assert again.status_code == 202
    done = http.get(f"/v1/recognitions/{again.json()['id']}", params={"wait": 100}).json()
    assert (done["status"], done["cache"], done["options"]["itn"]) == ("succeeded", "miss", False)
    assert done["text"] == done["raw_text"]


def test_the_recording_can_be_played_by_range(http: httpx.Client, speech_wav: Path) -> None:
    row = submit(http, speech_wav, wait=100)
    path = f"/v1/recognitions/{row['id']}/audio"
    content = speech_wav.read_bytes()
    assert http.get(path).content == content
    part = http.get(path, headers={"range": "bytes=44-143"})
    assert part.status_code == 206
    assert part.content == content[44:144]
    assert part.headers["content-type"] == "audio/wav"
    assert part.headers["x-content-type-options"] == "nosniff"


def test_exports(http: httpx.Client, speech_wav: Path) -> None:
    row = submit(http, speech_wav, wait=100)
    path = f"/v1/recognitions/{row['id']}/export"
    assert http.get(path, params={"format": "txt"}).text.strip() == row["normalized_text"]
    assert http.get(path, params={"format": "txt", "track": "spoken"}).text.strip() == row["raw_text"]
    assert http.get(path, params={"format": "json"}).json()["id"] == row["id"]
    assert " --> " in http.get(path, params={"format": "srt"}).text
    assert http.get(path, params={"format": "vtt"}).text.startswith("WEBVTT")


def test_the_history_is_listed_searched_paged_and_cleared(http: httpx.Client, tmp_path: Path) -> None:
    ids = [submit(http, write_wav(tmp_path / f"qzx{n}.wav", noise(0.5, seed=n)), wait=100)["id"] for n in range(3)]
    listed = http.get("/v1/recognitions", params={"text": "qzx", "limit": 2}).json()
    assert [row["id"] for row in listed["recognitions"]] == ids[:0:-1]
    rest = http.get("/v1/recognitions", params={"text": "qzx", "before_id": listed["next_before_id"]}).json()
    assert [row["id"] for row in rest["recognitions"]] == ids[:1]
    assert http.delete(f"/v1/recognitions/{ids[0]}").json() == {"deleted": ids[0]}
    assert http.get(f"/v1/recognitions/{ids[0]}").status_code == 404
    assert http.get(f"/v1/recognitions/{ids[0]}/audio").status_code == 404
    assert len(http.get("/v1/recognitions", params={"text": "qzx"}).json()["recognitions"]) == 2
    done = {"deleted": 2, "kept": 0, "under_way": 0, "held": 0}
    assert http.delete("/v1/recognitions", params={"text": "qzx"}).json() == done
    assert http.get("/v1/recognitions", params={"text": "qzx"}).json()["recognitions"] == []


def test_nothing_is_kept_of_what_leaves_no_trace(http: httpx.Client, tmp_path: Path, server: Server) -> None:
    path = write_wav(tmp_path / "qzwsecret.wav", talk(say("请打开空调"), level=fresh_level()))
    row = submit(http, path, wait=100, no_trace="true")
    assert (row["status"], row["no_trace"], row["cache"]) == ("succeeded", True, "miss") and row["text"]
    assert http.get(f"/v1/recognitions/{row['id']}").json() == row
    assert http.get(f"/v1/recognitions/{row['id']}/export").text.strip() == row["text"]
    refused = http.get(f"/v1/recognitions/{row['id']}/audio"), http.post(f"/v1/recognitions/{row['id']}/again")
    assert [answer.json()["error"]["details"]["reason"] for answer in refused] == ["no_trace"] * 2
    assert http.get("/v1/recognitions", params={"text": "qzwsecret"}).json()["recognitions"] == []
    assert submit(http, path, wait=100, no_trace="true")["cache"] == "miss"
    answer = http.post(
        "/v1/audio/transcriptions", files={"file": (path.name, path.read_bytes())}, data={"no_trace": "true"}
    )
    assert answer.json()["text"] == row["text"]
    everywhere = [file for file in server.data_dir.rglob("*") if file.is_file()]
    assert [file for file in everywhere if b"qzwsecret" in file.read_bytes()] == []
    assert not list((server.data_dir / "work" / "traceless").rglob("0*"))
    assert http.delete(f"/v1/recognitions/{row['id']}").json() == {"deleted": row["id"]}
    assert http.get(f"/v1/recognitions/{row['id']}").status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.wav", b"", "bad_audio"),
        ("text.wav", b"this is a letter and no sound at all " * 30, "bad_audio"),
        ("../../etc/../表情😀.wav", b"nothing", "bad_audio"),
    ],
)
def test_bad_files_fail_with_a_row_that_says_why(http: httpx.Client, name: str, content: bytes, code: str) -> None:
    answer = http.post("/v1/recognitions", files={"file": (name, content)}, params={"wait": 60})
    row = answer.json()
    assert row["status"] == "failed"
    assert row["error"]["code"] == code
    assert "/" not in row["filename"]
    assert row["id"] in [
        item["id"] for item in http.get("/v1/recognitions", params={"limit": 5}).json()["recognitions"]
    ]


def test_very_short_sound_is_told_apart_from_an_empty_file(http: httpx.Client, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "click.wav", noise(0.005, seed=9)[: RATE // 200])
    row = submit(http, path, wait=60)
    assert row["error"]["details"]["reason"] == "too_short"


def test_health_and_metrics_count_what_happened(http: httpx.Client, speech_wav: Path) -> None:
    submit(http, speech_wav, wait=100)
    submit(http, speech_wav, wait=100)
    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.get("/readyz").json()["status"] == "ready"
    text = http.get("/metrics").text
    assert 'asr_nodes{availability="ready"}' in text
    assert 'asr_recognitions_total{source="api",status="succeeded"}' in text
    assert 'asr_cache_lookups_total{outcome="hit"}' in text
    nodes = http.get("/v1/nodes").json()
    assert (nodes["model"], nodes["is_demo"], nodes["nodes_ready"]) == ("demo", True, 1)
    assert nodes["nodes"][0]["report"]["capabilities"]["hotwords"] is True
